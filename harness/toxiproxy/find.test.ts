// Finding, starting and driving a Toxiproxy of either kind.
import { once } from 'node:events'
import { createServer } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { spawnTiedAloud } from '../../proxy/testing/tied-process.ts'
import { client, echo, realProgram } from './conformance/world.ts'
import type { ToxicRequest } from './control.ts'
import { findProgram, openToxiproxy } from './find.ts'

const real = realProgram()
const seed = 1

t.test('auto and embedded start the embedded server, which is gone after stop', async (t) => {
  for (const choice of ['auto', 'embedded']) {
    const toxiproxy = await openToxiproxy(choice, { seed, logDir: t.testdir() })
    t.equal(toxiproxy.kind, 'embedded')
    t.equal(toxiproxy.version, '2.12.0')
    await toxiproxy.stop()
    t.equal(await toxiproxy.exited, 'exit code 0')
    await t.rejects(fetch(`${toxiproxy.url}/version`))
  }
})

t.test('a link carries traffic, and a toxic on it proves that it touched it', async (t) => {
  const server = await echo()
  const toxiproxy = await openToxiproxy('embedded', { seed, logDir: t.testdir() })
  t.teardown(() => Promise.all([toxiproxy.stop(), server.close()]))
  const one = await client(await toxiproxy.createLink('link', server.address))
  t.teardown(() => one.socket.destroy())
  one.socket.write('hello')
  await one.receive(5)
  t.same((await toxiproxy.bytesByLink()).get('link'), { upstream: 5, downstream: 5 })
  await toxiproxy.addLatency('link', 20)
  t.equal(await toxiproxy.touched('link', 'distance_downstream'), 0)
  one.socket.write('again')
  await one.receive(10)
  t.equal(await toxiproxy.touched('link', 'distance_downstream'), 1)
  await toxiproxy.updateToxic('link', 'distance_downstream', { latency: 1 })
  await toxiproxy.removeToxic('link', 'distance_downstream')
  await toxiproxy.removeToxic('link', 'distance_downstream')
  await toxiproxy.setEnabled('link', false)
  t.match(await one.ended, /FIN|ECONNRESET/)
  await toxiproxy.removeLink('link')
})

t.test("the server's own words reach who asked", async (t) => {
  const toxiproxy = await openToxiproxy('embedded', { seed, logDir: t.testdir() })
  t.teardown(() => toxiproxy.stop())
  await toxiproxy.createLink('link', '127.0.0.1:1')
  await t.rejects(toxiproxy.createLink('link', '127.0.0.1:1'), {
    message: /proxy already exists \(409\)/,
    status: 409,
  })
  await t.rejects(
    toxiproxy.addToxic('nowhere', { name: 'x', type: 'noop', stream: 'upstream', attributes: {} }),
    {
      message: /proxy not found \(404\)/,
    },
  )
})

t.test('attached by URL, stopping takes away its own links and nothing else', async (t) => {
  const owner = await openToxiproxy('embedded', { seed, logDir: t.testdir() })
  t.teardown(() => owner.stop())
  await owner.createLink('theirs', '127.0.0.1:1')
  const guest = await openToxiproxy(`${owner.url}/`, { seed, logDir: t.testdir() })
  t.equal(guest.kind, 'embedded')
  await guest.createLink('mine', '127.0.0.1:1')
  await guest.stop()
  t.same(Object.keys((await (await fetch(`${owner.url}/proxies`)).json()) as object), ['theirs'])
})

t.test('what can not be had is said in one line', async (t) => {
  const other = createServer((_request, response) => response.end('hello')).listen(0, '127.0.0.1')
  await once(other, 'listening')
  t.teardown(() => other.close())
  const { port } = other.address() as AddressInfo
  const cases: [string, RegExp][] = [
    [
      `http://127.0.0.1:${await closedPort()}`,
      /no Toxiproxy answers at http:\/\/127\.0\.0\.1:\d+: .*ECONNREFUSED/,
    ],
    [`http://127.0.0.1:${port}`, /no Toxiproxy answers at/],
    ['./no/such/file', /\.\/no\/such\/file is no executable file/],
    [`${t.testdir({ file: '' })}/file`, /is no executable file/],
    ['no-such-program', /was found neither in \.tools\/bin nor on PATH/],
    ['true', /does not run as a Toxiproxy \(exit code 0\)/],
  ]
  for (const [choice, message] of cases) {
    await t.rejects(
      openToxiproxy(choice, { seed, logDir: t.testdir() }),
      { name: 'UsageError', message },
      choice,
    )
  }
})

async function closedPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  return port
}

t.test('what a real one can not do is refused, or said', async (t) => {
  const toxiproxy = await openToxiproxy(await fakeReal(t), { seed, logDir: t.testdir() })
  t.equal(toxiproxy.kind, 'real')
  const extensions: Omit<ToxicRequest, 'stream'>[] = [
    { name: 'x', type: 'corrupt', attributes: { every: 5 } },
    { name: 'x', type: 'bandwidth', attributes: { rate: 5, scope: 'proxy' } },
    { name: 'x', type: 'latency', attributes: { latency: 5, distribution: 'pareto' } },
  ]
  for (const toxic of extensions) {
    await t.rejects(toxiproxy.addToxic('link', { ...toxic, stream: 'upstream' }), {
      name: 'UsageError',
      message: /needs the embedded Toxiproxy: use --toxiproxy embedded/,
    })
  }
  t.same(toxiproxy.shortfalls, [])
  await toxiproxy.addLatency('link', 16)
  t.match(toxiproxy.shortfalls, [/connecting costs no round trip/])
})

/** Answers as a real Toxiproxy does to everything that this needs. */
async function fakeReal(t: { teardown(end: () => unknown): void }): Promise<string> {
  const known: Record<string, string> = {
    '/version': '{"version": "2.12.0"}\n',
    '/metrics': '',
    '/breakwater': '',
  }
  const server = createServer((request, response) => {
    if (request.url === '/breakwater') response.statusCode = 404
    response.end(known[request.url!] ?? '{}')
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.closeAllConnections())
  t.teardown(() => server.close())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

t.test(
  'a real one is started, driven and stopped the same way',
  { skip: real ? false : 'no toxiproxy-server found' },
  async (t) => {
    const server = await echo()
    const toxiproxy = await openToxiproxy(findProgram(real!), { seed, logDir: t.testdir() })
    t.teardown(() => server.close())
    t.equal(toxiproxy.kind, 'real')
    const one = await client(await toxiproxy.createLink('link', server.address))
    await toxiproxy.addToxic('link', {
      name: 'slow',
      type: 'latency',
      stream: 'upstream',
      attributes: { latency: 5 },
    })
    one.socket.end('hello')
    await one.ended
    while ((await toxiproxy.touched('link', 'slow')) === 0);
    t.pass('the bytes of an ended connection are the proof')
    await toxiproxy.stop()
    t.equal(await toxiproxy.exited, 'exit code 0')
  },
)

t.test('the embedded server ends when the process that started it vanishes', async (t) => {
  const script = `
    const { openToxiproxy } = await import(${JSON.stringify(fileURLToPath(new URL('./find.ts', import.meta.url)))})
    const { url } = await openToxiproxy('embedded', { seed: 1, logDir: ${JSON.stringify(t.testdir())} })
    console.log(url)
    setInterval(() => {}, 1000)`
  const parent = spawnTiedAloud(['--input-type=module', '-e', script])
  const [url] = (await once(createInterface({ input: parent.stdout }), 'line')) as [string]
  const api = connect(Number(new URL(url).port), '127.0.0.1')
  await once(api, 'connect')
  parent.kill('SIGKILL')
  await new Promise((resolve) =>
    api
      .once('close', resolve)
      .on('error', () => {})
      .resume(),
  )
  await t.rejects(fetch(`${url}/version`))
})
