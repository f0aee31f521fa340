import { chmodSync } from 'node:fs'
import path from 'node:path'
import t, { type Test } from 'tap'
import { othersToRun, withoutFlags } from './compare-with.ts'
import { checkPlan } from './scripts.ts'

const here = (t: Test, ...programs: string[]) => {
  const folder = t.testdir(Object.fromEntries(programs.map((name) => [name, ''])))
  for (const name of programs) chmodSync(path.join(folder, name), 0o755)
  const { PATH } = process.env
  process.env.PATH = folder
  t.teardown(() => {
    process.env.PATH = PATH
  })
}

t.test('what the scenario names is compared with where it is installed; else a line says why not', (t) => {
  const said: string[] = []
  const others = (system: string) =>
    othersToRun({ compareWith: null, system }, { compareWith: ['nginx-haproxy'] }, (line) => said.push(line))
  here(t, 'nginx', 'haproxy')
  t.strictSame(others('reference'), ['nginx-haproxy'])
  t.strictSame(others('nginx-haproxy'), [], 'never with itself')
  t.strictSame(others('http://127.0.0.1:8080'), [], 'nor when the deployment runs already')
  t.strictSame(said, [])
  here(t, 'nginx')
  t.strictSame(others('reference'), [])
  t.strictSame(said, ['not compared with nginx-haproxy: haproxy not found on PATH'])
  t.strictSame(othersToRun({ compareWith: null, system: 'reference' }, {}, t.fail), [])
  t.end()
})

t.test('what the user lists is taken, or refused before anything starts', (t) => {
  const listed = (compareWith: string) =>
    othersToRun({ compareWith, system: 'reference' }, { compareWith: ['nginx-haproxy'] }, () => t.fail())
  here(t, 'nginx', 'haproxy')
  t.strictSame(listed('none'), [])
  t.strictSame(listed('direct, nginx-haproxy'), ['direct', 'nginx-haproxy'])
  here(t)
  const refused: [string, RegExp][] = [
    ['', /--compare-with: expected names with commas between/],
    ['direct,direct', /--compare-with: "direct" is there twice/],
    ['reference', /--compare-with: reference is the system under test itself/],
    ['nginx-haproxy', /--compare-with: nginx-haproxy can't be run here: nginx and haproxy not found on PATH/],
    ['apache', /"apache" is neither reference/],
  ]
  for (const [list, message] of refused) t.throws(() => listed(list), { name: 'UsageError', message }, list)
  t.throws(() => checkPlan(['s3-outage'], ['direct', 'nginx-haproxy'], []), {
    message: "--systems: nginx-haproxy can't be run here: nginx and haproxy not found on PATH",
  })
  t.end()
})

t.test('your own files belong to the system under test', (t) => {
  const argv = ['--rate', '5', '--nginx-conf', 'a.conf', '--haproxy-cfg=b.cfg', '--quiet']
  t.strictSame(withoutFlags(argv, ['--nginx-conf', '--haproxy-cfg']), ['--rate', '5', '--quiet'])
  t.end()
})
