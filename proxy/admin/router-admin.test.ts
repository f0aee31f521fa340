import t from 'tap'
import { headerValue } from '../object.ts'
import { collect } from '../testing/memory-origin.ts'
import { request } from '../testing/requests.ts'
import { routerWorld, server } from '../testing/router-world.ts'
import { createRouterAdmin } from './router-admin.ts'
import type { FullRouterState } from './state.ts'

function world(token: string | null = 'open sesame') {
  const made = routerWorld()
  made.origin('cache1').put('/b/k', 'known')
  made.origin('s3').put('/b/k', 'known')
  const admin = createRouterAdmin({ router: () => made.router, clock: made.clock, token })
  const ask = async (target: string, more = {}) => {
    const response = await admin(request(target, more))
    const text = new TextDecoder().decode(await collect(response.body))
    return { ...response, text }
  }
  const state = async () => JSON.parse((await ask('/state')).text) as FullRouterState
  return { ...made, ask, state, admin }
}

t.test('the state tells of every server what an operator and the harness need', async (t) => {
  const { state, router, clock, origin, get } = world()
  router.start()
  await clock.advance(2000)
  await collect((await get('/b/k')).body)
  origin('s3').mood = 'refused'
  await clock.advance(10_000)
  const { backends, transitions, totals } = await state()
  t.match(backends, [
    { name: 'cache1', backup: false, state: 'up', because: 'start', requests: 1, bytesOut: 5, downtimeMs: 0 },
    { name: 's3', backup: true, state: 'down', because: 'checks-failed', timesDown: 1, transitions: 1 },
  ])
  t.match(backends[1]!.lastCheck, { ok: false, result: 'connect-refused', status: null })
  t.ok(Math.abs(backends[1]!.downtimeMs - 10_000) <= 500, `${backends[1]!.downtimeMs}`)
  t.equal(backends[1]!.since, transitions[0]!.wallMs)
  t.match(transitions, [{ backend: 's3', from: 'up', to: 'down', because: 'checks-failed' }])
  t.match(totals, { requests: 1, refused: 0, bytesOut: 5, inFlight: 0 })
})

t.test('each address of a server is told of: in the state, and in the metrics', async (t) => {
  const { state, ask, clock, origin } = world()
  await clock.advance(5000)
  const refused = { state: 'down', sinceMs: 3000, failures: 2, lastError: 'connect-refused', probeAtMs: 4000 }
  const well = { state: 'up', sinceMs: 0, failures: 0, lastError: null, probeAtMs: 0 }
  const addresses = () => [
    { address: '10.0.0.1', ...refused },
    { address: '10.0.0.2', ...well },
  ]
  Object.assign(origin('s3'), { addresses })
  const [cache1, s3] = (await state()).backends
  t.strictSame(cache1!.addresses, [])
  t.match(s3!.addresses, [
    {
      address: '10.0.0.1',
      state: 'down',
      since: clock.wallMs() - 2000,
      failures: 2,
      lastError: 'connect-refused',
    },
    { address: '10.0.0.2', state: 'up', lastError: null },
  ])
  const { text } = await ask('/metrics')
  t.match(text, /^breakwater_router_server_address_up\{server="s3",address="10\.0\.0\.1"\} 0$/m)
  t.match(text, /^breakwater_router_server_address_up\{server="s3",address="10\.0\.0\.2"\} 1$/m)
})

t.test('only who knows the token may drain a server, and every refusal says why', async (t) => {
  const { ask, backend } = world()
  const post = (path: string, token?: string) =>
    ask(path, { method: 'POST', headers: token ? ['Authorization', `Bearer ${token}`] : [] })
  const cases: [string, string | undefined, number, RegExp][] = [
    ['/backends/cache1/drain', undefined, 401, /missing or wrong/],
    ['/backends/cache1/drain', 'open sesamE', 401, /missing or wrong/],
    ['/backends/cache9/drain', 'open sesame', 404, /no server is named cache9/],
    ['/backends/cache1/explode', 'open sesame', 404, /ready, drain, maint/],
    ['/backends/%zz/drain', 'open sesame', 404, /no server/],
  ]
  for (const [path, token, status, words] of cases) {
    const { status: got, text } = await post(path, token)
    t.equal(got, status, path)
    t.match(text, words)
  }
  t.equal(backend('cache1').routable, 'up')
  t.match(JSON.parse((await post('/backends/cache1/drain', 'open sesame')).text), { state: 'drain' })
  t.equal(backend('cache1').routable, 'drain')
  t.equal((await ask('/backends/cache1/ready')).status, 405)
  t.match(
    (await world(null).ask('/backends/cache1/drain', { method: 'POST' })).text,
    /no token is configured/,
  )
})

t.test('pages that are not there, and methods that make no sense, are named', async (t) => {
  const { ask } = world()
  t.match(await ask('/nowhere'), { status: 404, text: /there are \/ / })
  t.match(await ask('/state', { method: 'DELETE' }), { status: 405 })
})

t.test('Prometheus reads every counter', async (t) => {
  const { ask, get, origin } = world()
  origin('cache1').mood = 'refused'
  await collect((await get('/b/k')).body)
  const { text, headers } = await ask('/metrics')
  t.match(headerValue(headers, 'content-type'), /^text\/plain; version=0\.0\.4/)
  for (const line of [
    'breakwater_router_server_requests_total{server="cache1"} 1',
    'breakwater_router_server_connect_errors_total{server="cache1"} 1',
    'breakwater_router_server_retries_total{server="cache1"} 1',
    'breakwater_router_server_bytes_out_total{server="s3"} 5',
    'breakwater_router_server_up{server="s3"} 1',
    'breakwater_router_refused_total 0',
  ]) {
    t.ok(text.includes(line), line)
  }
  t.match((await ask('/metrics')).text, /requests_total\{server="cache1"\} 1\n/, 'reading changes nothing')
})

t.test('the event stream begins with the whole state and tells changes at once', async (t) => {
  const { admin, backend, clock, router } = world()
  const response = await admin(request('/events'))
  t.equal(headerValue(response.headers, 'content-type'), 'text/event-stream')
  const stream = (response.body as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]()
  const next = async () => new TextDecoder().decode((await clock.until(Promise.resolve(stream.next()))).value)
  t.match(await next(), /^event: hello\ndata: \{.*"transitions":\[\].*\}\n\n$/)
  const waiting = next()
  backend('cache1').setMode('drain')
  t.match(await waiting, /^event: transition\ndata: .*"backend":"cache1".*"to":"drain"/)
  t.match(await next(), /^event: state\n/)
  const pending = stream.next()
  await stream.return!()
  t.match(await pending, { done: true }, 'who leaves is not left waiting')
  t.equal(clock.pendingTimers, 0)
  backend('cache1').setMode('ready')
  t.equal(router.fleet.journal.transitions.length, 2)
})

t.test('a follower that stops reading is dropped', async (t) => {
  const { admin, clock } = world()
  const response = await admin(request('/events'))
  await clock.advance(3_600_000)
  t.equal(clock.pendingTimers, 0)
  const stream = (response.body as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]()
  await stream.next()
  t.match(await stream.next(), { done: true })
})

t.test('several routers tell the same story after a reload', async (t) => {
  const [before, after] = [routerWorld([server('a')]), routerWorld([server('b')])]
  let current = before.router
  const admin = createRouterAdmin({ router: () => current, clock: before.clock, token: null })
  const names = async () => {
    const { body } = await admin(request('/state'))
    return JSON.parse(new TextDecoder().decode(await collect(body))).backends.map(
      ({ name }: { name: string }) => name,
    )
  }
  t.same(await names(), ['a'])
  current = after.router
  t.same(await names(), ['b'])
})

t.test('a stream that was opened before a reload tells of the router in force', async (t) => {
  const [before, after] = [routerWorld([server('a')]), routerWorld([server('b')])]
  let current = before.router
  const admin = createRouterAdmin({ router: () => current, clock: before.clock, token: null })
  const { body } = await admin(request('/events'))
  const stream = (body as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]()
  const next = async () =>
    new TextDecoder().decode((await before.clock.until(Promise.resolve(stream.next()))).value)
  t.match(await next(), /^event: hello\n.*"backends":\[\{"name":"a"/)
  current = after.router
  t.match(await next(), /^event: state\n.*"backends":\[\{"name":"b"/)
  await stream.return!()
})
