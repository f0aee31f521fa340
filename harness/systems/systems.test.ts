import { existsSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import t, { type Test } from 'tap'
import { freePorts } from '../run/ports.ts'
import { Part, type UnexpectedEnd } from './part.ts'
import { fill } from './placeholders.ts'
import { loadSystem, type PartDescription, withOwnFiles } from './system.ts'

t.test('every built-in system is described by its file', async (t) => {
  for (const name of ['reference', 'nginx-haproxy', 'nginx-haproxy-tuned', 'direct'])
    t.equal(loadSystem(name).name, name)
})

t.test('a bad description: every mistake is listed with its path', async (t) => {
  const dir = t.testdir({
    'bad.yaml': 'name: x\nstory: y\nparts:\n  - { name: Cache, role: proxy, command: [] }\nextra: 1\n',
    'twice.yaml':
      'name: x\nstory: y\nparts: [{ name: a, role: cache, command: [x] }, { name: a, role: router, command: [x] }]',
    'broken.yaml': 'name: [',
  })
  t.throws(() => loadSystem(path.join(dir, 'bad.yaml')), {
    name: 'UsageError',
    message: /parts\.0\.name: use lower-case[\s\S]*parts\.0\.role[\s\S]*parts\.0\.command[\s\S]*extra/,
  })
  t.throws(() => loadSystem(path.join(dir, 'twice.yaml')), { message: /two parts are named "a"/ })
  t.throws(() => loadSystem(path.join(dir, 'broken.yaml')), { message: /is not YAML/ })
  t.throws(() => loadSystem('no-such-system'), { message: /neither reference, .* nor a YAML file/ })
})

t.test("a user's own configuration takes the place of the system's, the rest stays", async (t) => {
  const dir = t.testdir({ 'my.conf': 'listen {listen};', 'deaf.conf': 'listen 80;' })
  const own = (name: string, system = 'nginx-haproxy') =>
    withOwnFiles(loadSystem(system), { 'nginx.conf': path.join(dir, name) })
  const [cache, router] = own('my.conf').parts
  t.equal(cache!.files['nginx.conf'], 'listen {listen};')
  t.match(cache!.files['s3.conf'], /proxy_cache s3/)
  t.match(router!.files['haproxy.cfg'], /backup/)
  t.throws(() => own('my.conf', 'direct'), { message: /direct has no part with a file nginx\.conf/ })
  t.throws(() => own('none.conf'), { name: 'UsageError', message: /can't read .*none\.conf/ })
  t.throws(() => own('deaf.conf'), { message: /names neither \{listen\} nor \{port\}/ })
})

t.test('placeholders: known ones are filled, an nginx variable is left, a typo is named', async (t) => {
  const nginxVariable = `\${uri}`
  t.equal(
    fill(`listen {listen}; ${nginxVariable} {`, { listen: '1:2' }, 'x'),
    `listen 1:2; ${nginxVariable} {`,
  )
  t.throws(() => fill('{lisen}', { listen: '1:2' }, 'part cache'), {
    message: 'part cache: there is no placeholder {lisen}; there are listen',
  })
})

const server = `
import net from 'node:net'
// Who only looks whether it listens is gone before it is answered.
net.createServer((s) => s.on('error', () => {}).end(String(process.pid))).listen(PORT, '127.0.0.1', () => console.log('listening'))
`

async function makePart(t: Test, script = server, ready: PartDescription['ready'] = { tcp: '{listen}' }) {
  const dir = t.testdir({ logs: {} })
  const [port] = await freePorts(1)
  const ends: UnexpectedEnd[] = []
  const description: PartDescription = {
    name: 'cache',
    role: 'cache',
    command: ['{node}', 'server.mjs'],
    files: { 'server.mjs': script.replace('PORT', '{port}') },
    ready,
  }
  const values = {
    node: process.execPath,
    listen: `127.0.0.1:${port}`,
    port: String(port),
    dir: path.join(dir, 'cache'),
  }
  const part = new Part(description, values, path.join(dir, 'logs'), (end) => ends.push(end))
  t.teardown(() => part.stop())
  return { part, ends, dir }
}

t.test('a part starts, is killed, comes back cold, and stops', async (t) => {
  const { part, ends } = await makePart(t)
  await part.start()
  t.ok(part.running)
  writeFileSync(path.join(part.dir, 'memory'), 'x')
  await part.kill()
  t.notOk(part.running)
  await part.restart('warm')
  t.ok(existsSync(path.join(part.dir, 'memory')), 'warm keeps its folder')
  await part.kill()
  await part.restart('cold')
  t.notOk(existsSync(path.join(part.dir, 'memory')), 'cold starts from nothing')
  await part.stop()
  t.notOk(part.running)
  t.strictSame(ends, [], 'none of this was unexpected')
  t.ok(part.usage().maxRssBytes > 0)
})

t.test('a part that dies by itself is reported with the tail of its log', async (t) => {
  const { part, ends } = await makePart(
    t,
    `process.once('SIGUSR2', () => { console.log('out of luck'); process.exit(3) })\n${server}`,
  )
  await part.start()
  process.kill(part.pid!, 'SIGUSR2')
  while (ends.length === 0) await new Promise((resolve) => setTimeout(resolve, 20))
  t.match(ends[0], { part: 'cache', how: 'exit code 3', logTail: /out of luck/ })
})

t.test('a part that can not start says why', async (t) => {
  const { part } = await makePart(t, 'console.log("bad config"); process.exit(254)', { output: 'listening' })
  await t.rejects(part.start(), { message: /ended before it was ready:[\s\S]*bad config/ })
})
