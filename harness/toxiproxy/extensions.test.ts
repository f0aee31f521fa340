// What the embedded server does beyond Toxiproxy 2.12, on real sockets.
import { once } from 'node:events'
import { get } from 'node:http'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { api, client, echo, send, type Target, type Upstream, upstream } from './conformance/world.ts'
import { startToxiproxyServer } from './server.ts'

type Tap = Parameters<Parameters<typeof t.test>[0]>[0]

async function start(
  t: Tap,
  options: { seed?: number; proxyMetrics?: boolean; runtimeMetrics?: boolean } = {},
) {
  const defaults = { host: '127.0.0.1', port: 0, seed: 1, proxyMetrics: true, runtimeMetrics: false }
  const server = await startToxiproxyServer({ ...defaults, ...options })
  t.teardown(() => server.close())
  return { kind: 'embedded', url: server.url, stop: server.close } satisfies Target
}

async function startEcho(t: Tap): Promise<Upstream> {
  const server = await echo()
  t.teardown(() => server.close())
  return server
}

const entry = (to: Upstream, more: object = {}) =>
  JSON.stringify({ name: 'a', listen: '127.0.0.1:0', upstream: to.address, ...more })

async function connectTo(t: Tap, address: string) {
  const one = await client(address)
  t.teardown(() => one.socket.destroy())
  return one
}

t.test('toxics in the bodies of create and populate are added', async (t) => {
  const target = await start(t)
  const toxics = [
    { type: 'latency', attributes: { latency: 60 } },
    { type: 'noop', stream: 'upstream' },
  ]
  const to = await startEcho(t)
  const made = await api(target, 'POST', '/proxies', entry(to, { toxics }))
  t.match(made.toxics, [{ name: 'noop_upstream' }, { name: 'latency_downstream' }])
  const { socket, receive } = await connectTo(t, made.listen)
  const startMs = performance.now()
  socket.write('x')
  await receive(1)
  t.ok(performance.now() - startMs >= 59)
  const body = `[${entry(to, { name: 'b', toxics })}]`
  t.match((await api(target, 'POST', '/populate', body)).proxies[0].toxics, [{}, {}])
})

t.test('a toxic that is wrong in such a body is refused before anything is made', async (t) => {
  const target = await start(t)
  const to = await startEcho(t)
  const cases: [object[], string][] = [
    [[{ type: 'gremlin' }], 'invalid toxic type'],
    [[{ type: 'noop' }, { type: 'noop' }], 'toxic already exists'],
    [[{ type: 'noop', stream: 'x' }], 'stream was invalid'],
  ]
  for (const [toxics, message] of cases) {
    t.match((await send(target, ['POST', '/proxies', entry(to, { toxics })])).body, message)
    t.match((await send(target, ['POST', '/populate', `[${entry(to, { toxics })}]`])).body, message)
  }
  t.same(await api(target, 'GET', '/proxies'), {})
})

t.test('attributes that can not work are refused with what they must be', async (t) => {
  const target = await start(t)
  await api(target, 'POST', '/proxies', entry(await startEcho(t)))
  const cases: [object, string][] = [
    [{ type: 'slicer' }, 'average_size must be at least 1, got 0'],
    [
      { type: 'slicer', attributes: { average_size: 5, size_variation: 5 } },
      'size_variation must be less than average_size, got 5',
    ],
    [
      { type: 'bandwidth', attributes: { rate: 1, scope: 'planet' } },
      'scope must be one of connection, proxy, got \\"planet\\"',
    ],
    [
      { type: 'latency', attributes: { distribution: 'x' } },
      'distribution must be one of uniform, normal, pareto, got \\"x\\"',
    ],
  ]
  for (const [toxic, message] of cases) {
    const { status, body } = await send(target, ['POST', '/proxies/a/toxics', JSON.stringify(toxic)])
    t.equal(status, 400)
    t.ok(body.includes(`bad request body: ${message}`), body)
  }
})

t.test('attributes of breakwater are shown when they were given, and only then', async (t) => {
  const target = await start(t)
  await api(target, 'POST', '/proxies', entry(await startEcho(t)))
  const plain = await api(target, 'POST', '/proxies/a/toxics', '{"type":"bandwidth","attributes":{"rate":5}}')
  t.same(plain.attributes, { rate: 5 })
  const scoped = await api(
    target,
    'PATCH',
    '/proxies/a/toxics/bandwidth_downstream',
    '{"attributes":{"scope":"proxy"}}',
  )
  t.same(scoped.attributes, { rate: 5, scope: 'proxy' })
})

t.test('a bandwidth of scope proxy is shared by the connections', async (t) => {
  const target = await start(t)
  const to = await upstream((socket) => socket.write(Buffer.alloc(100_000)))
  t.teardown(() => to.close())
  const toxics = [{ type: 'bandwidth', attributes: { rate: 1000, scope: 'proxy' } }]
  const { listen } = await api(target, 'POST', '/proxies', entry(to, { toxics }))
  const startMs = performance.now()
  const clients = await Promise.all([1, 2, 3].map(() => connectTo(t, listen)))
  await Promise.all(clients.map((one) => one.receive(100_000)))
  t.ok(performance.now() - startMs >= 295)
})

t.test('corrupt flips bits', async (t) => {
  const target = await start(t)
  const toxics = [{ type: 'corrupt', attributes: { every: 100 } }]
  const { listen } = await api(target, 'POST', '/proxies', entry(await startEcho(t), { toxics }))
  const { socket, receive } = await connectTo(t, listen)
  socket.write(Buffer.alloc(10_000))
  const got = await receive(10_000)
  const flipped = got.filter((byte) => byte !== 0).length
  t.ok(flipped > 50 && flipped < 200, `${flipped} bytes`)
  t.match(await api(target, 'GET', '/proxies/a/connections'), {
    touched: { corrupt_downstream: { connections: 1 } },
  })
})

t.test('a connection delay makes connecting cost its round trip, once', async (t) => {
  const target = await start(t)
  const made = await api(target, 'POST', '/proxies', entry(await startEcho(t), { connect_delay: 120 }))
  t.equal(made.connect_delay, 120)
  const startMs = performance.now()
  const { socket, receive } = await connectTo(t, made.listen)
  socket.write('x')
  await receive(1)
  t.ok(performance.now() - startMs >= 119)
  t.notOk('connect_delay' in (await api(target, 'PATCH', '/proxies/a', '{"connect_delay":0}')))
})

t.test('the proxy closes a client that leaves while the connection is delayed', async (t) => {
  const target = await start(t)
  const made = await api(target, 'POST', '/proxies', entry(await startEcho(t), { connect_delay: 50 }))
  const { socket } = await connectTo(t, made.listen)
  socket.destroy()
  await connectionsAre(target, 0)
  t.pass('nothing is left')
})

async function connectionsAre(target: Target, count: number): Promise<void> {
  while ((await api(target, 'GET', '/proxies/a/connections')).open.length !== count);
}

t.test('nothing of a connection outlives it, not even what was held for it', async (t) => {
  const target = await start(t)
  const toxics = [{ type: 'latency', attributes: { latency: 3_600_000 } }]
  const { listen } = await api(target, 'POST', '/proxies', entry(await startEcho(t), { toxics }))
  const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length
  const one = await connectTo(t, listen)
  await connectionsAre(target, 1)
  const before = timers()
  one.socket.write('x')
  while (timers() === before) await sleep(5)
  one.socket.resetAndDestroy()
  await connectionsAre(target, 0)
  t.equal(timers(), before)
})

t.test(
  'the list of connections tells who is there, their bytes, and which toxics touched them',
  async (t) => {
    const target = await start(t)
    const { listen } = await api(target, 'POST', '/proxies', entry(await startEcho(t)))
    await api(
      target,
      'POST',
      '/proxies/a/toxics',
      '{"type":"latency","name":"slow","attributes":{"latency":5}}',
    )
    const one = await connectTo(t, listen)
    one.socket.write('hello')
    await one.receive(5)
    const { open, totals, touched } = await api(target, 'GET', '/proxies/a/connections')
    t.match(open, [
      {
        id: 1,
        client: `127.0.0.1:${one.socket.localPort}`,
        openedAt: /^\d{4}-\d\d-\d\dT/,
        upstream: { receivedBytes: 5, sentBytes: 5, toxics: {} },
        downstream: { receivedBytes: 5, sentBytes: 5, toxics: { slow: 1 } },
      },
    ])
    t.same(totals, { accepted: 1, upstreamFailed: 0, cut: 0 })
    t.same(touched, { slow: { hits: 1, connections: 1 } })
    await api(target, 'DELETE', '/proxies/a/toxics/slow')
    one.socket.destroy()
    await connectionsAre(target, 0)
    const after = await api(target, 'GET', '/proxies/a/connections')
    t.same(after.touched, { slow: { hits: 1, connections: 1 } }, 'the proof outlives toxic and connection')
  },
)

t.test('a toxic that is added again under its name has touched nothing yet', async (t) => {
  const target = await start(t)
  const { listen } = await api(target, 'POST', '/proxies', entry(await startEcho(t)))
  const slow = '{"type":"latency","name":"slow","attributes":{"latency":5}}'
  const touched = async () => (await api(target, 'GET', '/proxies/a/connections')).touched
  await api(target, 'POST', '/proxies/a/toxics', slow)
  const [gone, stays] = [await connectTo(t, listen), await connectTo(t, listen)]
  for (const one of [gone, stays]) {
    one.socket.write('hello')
    await one.receive(5)
  }
  gone.socket.destroy()
  await connectionsAre(target, 1)
  t.match(await touched(), { slow: { hits: 2, connections: 2 } })
  await api(target, 'DELETE', '/proxies/a/toxics/slow')
  await api(target, 'POST', '/proxies/a/toxics', slow)
  t.same(await touched(), {})
  stays.socket.write('hello')
  await stays.receive(10)
  t.same(await touched(), { slow: { hits: 1, connections: 1 } })
})

t.test('a client that is cut before the upstream was dialled speaks not against the upstream', async (t) => {
  const target = await start(t)
  const made = await api(target, 'POST', '/proxies', entry(await startEcho(t), { connect_delay: 60_000 }))
  await connectTo(t, made.listen)
  await api(target, 'PATCH', '/proxies/a', '{"enabled":false}')
  await connectionsAre(target, 0)
  const { totals } = await api(target, 'GET', '/proxies/a/connections')
  t.same(totals, { accepted: 1, upstreamFailed: 0, cut: 1 })
})

t.test('a proxy that is updated while its deletion waits its turn does not come back', async (t) => {
  const target = await start(t)
  const { listen } = await api(target, 'POST', '/proxies', entry(await startEcho(t)))
  // Looking so many names up takes longer than reading the two requests that come meanwhile.
  const many = Array.from({ length: 300 }, (_, i) => ({
    name: `b${i}`,
    listen: 'localhost:0',
    upstream: 'x:1',
  }))
  const slow = send(target, ['POST', '/populate', JSON.stringify(many)])
  while (Object.keys(await api(target, 'GET', '/proxies')).length < 2);
  const deleted = send(target, ['DELETE', '/proxies/a'])
  await api(target, 'GET', '/proxies')
  const updated = send(target, ['PATCH', '/proxies/a', JSON.stringify({ listen, upstream: 'x:1' })])
  t.same([(await slow).status, (await deleted).status, (await updated).status], [201, 204, 404])
  await t.rejects(client(listen), { code: 'ECONNREFUSED' })
})

t.test('a cut and an upstream that is down are counted', async (t) => {
  const target = await start(t)
  const made = await api(target, 'POST', '/proxies', entry(await startEcho(t)))
  const one = await connectTo(t, made.listen)
  one.socket.write('x')
  await one.receive(1)
  await api(target, 'PATCH', '/proxies/a', '{"enabled":false}')
  await api(target, 'PATCH', '/proxies/a', '{"enabled":true,"upstream":"127.0.0.1:1"}')
  t.equal(await (await connectTo(t, made.listen)).ended, 'FIN')
  await connectionsAre(target, 0)
  const { totals } = await api(target, 'GET', '/proxies/a/connections')
  t.same(totals, { accepted: 2, upstreamFailed: 1, cut: 1 })
})

t.test('bytes are counted while the connection is open', async (t) => {
  const target = await start(t)
  const { listen } = await api(target, 'POST', '/proxies', entry(await startEcho(t)))
  const one = await connectTo(t, listen)
  one.socket.write('hello')
  await one.receive(5)
  const { body } = await send(target, ['GET', '/metrics'])
  t.match(body, /toxiproxy_proxy_sent_bytes_total\{direction="downstream".*\} 5\n/)
  t.match(body, /toxiproxy_proxy_open_connections\{proxy="a"\} 1\n/)
})

t.test('/metrics answers 404 unless it was asked for', async (t) => {
  const none = await start(t, { proxyMetrics: false })
  t.equal((await send(none, ['GET', '/metrics'])).status, 404)
  const runtime = await start(t, { proxyMetrics: false, runtimeMetrics: true })
  t.match((await send(runtime, ['GET', '/metrics'])).body, /^process_cpu_seconds_total /m)
})

t.test('events tell what happens, as it happens', async (t) => {
  const target = await start(t)
  const [response] = await once(get(`${target.url}/events`), 'response')
  t.teardown(() => response.destroy())
  t.equal(response.headers['content-type'], 'text/event-stream')
  const seen: string[] = []
  const lines = createInterface({ input: response })
  const closed = new Promise<void>((resolve) => {
    lines.on('line', (line) => {
      if (line.startsWith('event: ')) seen.push(line.slice(7))
      if (line === 'event: proxy-removed') resolve()
    })
  })
  const { listen } = await api(target, 'POST', '/proxies', entry(await startEcho(t)))
  await api(target, 'POST', '/proxies/a/toxics', '{"type":"noop"}')
  const one = await connectTo(t, listen)
  one.socket.write('x')
  await one.receive(1)
  one.socket.destroy()
  await connectionsAre(target, 0)
  await api(target, 'DELETE', '/proxies/a/toxics/noop_downstream')
  await api(target, 'DELETE', '/proxies/a')
  await closed
  t.same(seen, [
    'proxy-created',
    'toxic-added',
    'connection-opened',
    'connection-closed',
    'toxic-removed',
    'proxy-removed',
  ])
})

t.test('the same seed spares the same connections', async (t) => {
  const to = await startEcho(t)
  const spared = async (seed: number) => {
    const target = await start(t, { seed })
    const toxics = [{ type: 'limit_data', attributes: { bytes: 0 }, toxicity: 0.5 }]
    const { listen } = await api(target, 'POST', '/proxies', entry(to, { toxics }))
    const fates: string[] = []
    for (let at = 0; at < 24; at++) {
      const { socket, receive } = await connectTo(t, listen)
      socket.write('x')
      fates.push(
        await receive(1).then(
          () => 'answered',
          () => 'closed',
        ),
      )
    }
    return fates.join()
  }
  const first = await spared(7)
  t.match(first, /answered.*closed|closed.*answered/)
  t.equal(await spared(7), first)
  t.not(await spared(8), first)
})
