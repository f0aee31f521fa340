import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { initSystem } from './init-system.ts'
import { loadSystem } from './system.ts'

t.test('the example that is written describes a system', async (t) => {
  const file = path.join(t.testdir({}), 'mine.yaml')
  await initSystem(file)
  const { name, parts } = loadSystem(file)
  t.equal(name, 'my-proxy')
  t.match(parts, [{ name: 'cache', role: 'cache', reload: 'SIGHUP' }])
})

t.test('a file that exists is left as it is', async (t) => {
  const file = path.join(t.testdir({}), 'mine.yaml')
  writeFileSync(file, 'work of an evening')
  await t.rejects(initSystem(file), { name: 'UsageError', message: /exists already and is left as it is/ })
  t.equal(readFileSync(file, 'utf8'), 'work of an evening')
})

t.test('a folder that is not there is said in one line', async (t) => {
  const file = path.join(t.testdir({}), 'nowhere', 'mine.yaml')
  await t.rejects(initSystem(file), { name: 'UsageError', message: /can't write .*: ENOENT; name a file/ })
})

t.test('the systems in examples/ describe systems', async (t) => {
  const varnish = loadSystem(path.resolve(import.meta.dirname, '../../examples/varnish.yaml'))
  t.strictSame(
    varnish.parts.map(({ name, role }) => [name, role]),
    [
      ['tls', 'helper'],
      ['varnish', 'cache'],
    ],
  )
})
