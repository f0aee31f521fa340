// The embedded server's command line, as a process.
import { once } from 'node:events'
import { createServer } from 'node:net'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { spawnTied } from '../../proxy/testing/tied-process.ts'
import { addressOf } from './conformance/world.ts'

const main = fileURLToPath(new URL('./main.ts', import.meta.url))

function run(...flags: string[]) {
  return spawnTied([main, ...flags])
}

async function ended(...flags: string[]) {
  const child = run(...flags)
  const [out, err, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')])
  return { out, err, code }
}

t.test("Go's flags with one dash and with two, a configuration, and a clean end", async (t) => {
  const folder = t.testdir({
    'proxies.json': '[{"name":"a","listen":"127.0.0.1:0","upstream":"127.0.0.1:1"}]',
  })
  for (const [dash, seed] of [
    ['-', 1_795_539_113_523_000_000], // nanoseconds since 1970, as Toxiproxy's own default is
    ['--', -5],
  ] as const) {
    const flags = { host: '127.0.0.1', port: '0', seed: `${seed}`, config: `${folder}/proxies.json` }
    const child = run(...Object.entries(flags).flatMap(([name, value]) => [`${dash}${name}`, value]))
    const [line] = (await once(child.stdout, 'data')) as [Buffer]
    const url = /^toxiproxy listening on (http:\/\/127\.0\.0\.1:\d+)\n$/.exec(String(line))![1]
    t.match(await (await fetch(`${url}/proxies`)).json(), { a: { name: 'a', enabled: true } })
    t.same(await (await fetch(`${url}/breakwater`)).json(), { toxiproxy: '2.12.0', seed })
    child.kill('SIGTERM')
    t.same(await once(child, 'exit'), [0, null])
  }
})

t.test('the version', async (t) => {
  t.match(await ended('-version'), { out: 'toxiproxy-server version 2.12.0\n', code: 0 })
})

t.test('every mistake ends in one line and exit 254, with nothing started', async (t) => {
  const occupant = createServer().listen(0, '127.0.0.1')
  await once(occupant, 'listening')
  t.teardown(() => occupant.close())
  const folder = t.testdir({ 'bad.json': '{', 'nameless.json': '[{"upstream":"x:1"}]' })
  const local = ['--host', '127.0.0.1', '--port']
  const cases: [string[], RegExp][] = [
    [['--port', 'x'], /expected a whole number up to 65535, got "x"/],
    [['--seed', '1.5'], /expected a whole number of 64 bits, got "1\.5"/],
    [['--gremlins'], /unknown option '--gremlins'/],
    [['stray'], /too many arguments/],
    [[...local, '0', '--config', `${folder}/none.json`], /can't read the configuration .*none\.json: ENOENT/],
    [[...local, '0', '--config', `${folder}/bad.json`], /bad\.json: bad request body: unexpected EOF/],
    [[...local, '0', '--config', `${folder}/nameless.json`], /missing required field: name at proxy 1/],
    [[...local, addressOf(occupant).split(':')[1]!], /can't listen on 127\.0\.0\.1:\d+: .*EADDRINUSE/],
  ]
  for (const [flags, message] of cases) {
    const { out, err, code } = await ended(...flags)
    t.equal(code, 254, flags.join(' '))
    t.match(err, message)
    t.equal(err.trimEnd().split('\n').length, 1)
    t.equal(out, '')
  }
})
