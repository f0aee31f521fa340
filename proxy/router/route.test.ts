import t from 'tap'
import { ProxyError } from '../errors.ts'
import { headerValue, type ProxyResponse } from '../object.ts'
import { collect, patterned, pieces } from '../testing/memory-origin.ts'
import { request } from '../testing/requests.ts'
import { hitHeaders, routerWorld } from '../testing/router-world.ts'

/** A router over cache1 and, as backup, s3; both hold /b/known, and s3 also /b/new. */
function world() {
  const made = routerWorld()
  const [cache1, s3] = [made.origin('cache1'), made.origin('s3')]
  cache1.put('/b/known', patterned(40_000), hitHeaders)
  s3.put('/b/known', patterned(40_000))
  s3.put('/b/new', 'new')
  return { ...made, cache1, s3 }
}

function header(response: ProxyResponse, name: string) {
  return headerValue(response.headers, name)
}

t.test('a request goes to the cache node, and the answer says so', async (t) => {
  const { get, s3 } = world()
  const response = await get('/b/known')
  t.equal(response.status, 200)
  t.same(await collect(response.body), patterned(40_000))
  t.equal(header(response, 'x-backend'), 'cache1')
  t.equal(header(response, 'x-cache-status'), 'HIT')
  t.equal(header(response, 'cache-status'), 'breakwater-cache; hit')
  t.equal(header(response, 'via'), '1.1 breakwater-router')
  t.same(s3.seen, [])
})

t.test(
  'the cache is down: the router asks S3 directly, with the same bytes and so the same signature',
  async (t) => {
    const moods = ['refused', 'hang', 502, 503, 504] as const
    for (const mood of moods) {
      const { get, cache1, s3 } = world()
      cache1.mood = mood
      const response = await get('/b/known', { headers: ['Authorization', 'AWS4-HMAC-SHA256 x'] })
      t.equal(response.status, 200, `${mood}`)
      t.same(await collect(response.body), patterned(40_000))
      t.equal(header(response, 'x-backend'), 's3')
      t.equal(header(response, 'x-cache-status'), 'BYPASS')
      t.match(header(response, 'cache-status'), /^breakwater-router; fwd=bypass; detail=failover$/)
      t.same(s3.requests[0]!.headers, cache1.requests[0]!.headers, 'byte for byte')
    }
  },
)

t.test('both S3 and the cache are down: a fast 503 with Retry-After, no hang', async (t) => {
  const { get, cache1, s3, clock } = world()
  for (const origin of [cache1, s3]) Object.assign(origin, { mood: 'hang', firstByteTimeoutMs: 60_000 })
  const response = await get('/b/known')
  t.equal(clock.monotonicMs(), 900)
  t.equal(response.status, 503)
  t.equal(header(response, 'retry-after'), '1')
  t.equal(header(response, 'x-backend'), 'none')
  t.match(header(response, 'cache-status'), /detail=deadline/)
  t.match(new TextDecoder().decode(await collect(response.body)), /<Code>ServiceUnavailable<\/Code>/)
})

t.test('a failed miss is answered at once when S3 is known down', async (t) => {
  const { get, cache1, s3, router, clock, backend } = world()
  s3.mood = 'refused'
  router.start()
  await clock.advance(100)
  t.equal(backend('s3').routable, 'down')
  cache1.mood = 504
  const before = s3.requests.length
  const startMs = clock.monotonicMs()
  const response = await get('/b/new')
  t.equal(response.status, 504, "the cache's own words are the clearest")
  t.equal(s3.requests.length, before)
  t.ok(clock.monotonicMs() - startMs <= 2)
})

t.test('an upload is sent again only when none of it was sent', async (t) => {
  const put = { method: 'PUT', headers: ['Content-Length', '4'] }
  const refused = world()
  refused.cache1.mood = 'refused'
  const first = await refused.get('/b/up', { ...put, body: pieces([patterned(4)]) })
  t.equal(first.status, 200)
  t.equal(header(first, 'x-backend'), 's3')

  const broken = world()
  broken.cache1.intercept = () => {
    throw new ProxyError('reset', { code: 'reset', source: 'cache' })
  }
  const second = await broken.get('/b/up', { ...put, body: pieces([patterned(4)]) })
  t.equal(second.status, 503)
  t.match(header(second, 'cache-status'), /detail=may-have-acted/)
  t.same(broken.s3.seen, [])
})

t.test("an upload's deadline starts anew with every chunk that is taken", async (t) => {
  const { get, clock } = world()
  async function* slowly() {
    for (let i = 0; i < 4; i++) {
      await clock.sleep(600)
      yield patterned(10)
    }
  }
  const response = await get('/b/up', { method: 'PUT', headers: ['Content-Length', '40'], body: slowly() })
  t.equal(response.status, 200)
  t.equal(clock.monotonicMs() >= 2400, true)
})

t.test('what S3 answers late has write_timeout instead of the deadline', async (t) => {
  const copy = { method: 'PUT', headers: ['x-amz-copy-source', '/b/other'] }
  const { get, cache1, clock } = world()
  const seen: unknown[] = []
  cache1.intercept = async ({ betweenBytesMs }) => {
    seen.push(betweenBytesMs)
    await clock.sleep(60_000)
    return undefined
  }
  t.equal((await get('/b/up', copy)).status, 200)
  t.same(seen, [300_000])
  cache1.intercept = null
  cache1.mood = 'hang'
  cache1.firstByteTimeoutMs = Number.POSITIVE_INFINITY
  for (const [request, patienceMs] of [
    [copy, 300_000],
    [{ method: 'PUT' }, 900],
  ] as const) {
    const startMs = clock.monotonicMs()
    t.equal((await get('/b/up', request)).status, 503)
    t.equal(clock.monotonicMs() - startMs, patienceMs)
  }
})

t.test('a client that leaves ends the attempt and blames nobody', async (t) => {
  const { router, cache1, clock, backend } = world()
  cache1.mood = 'hang'
  cache1.firstByteTimeoutMs = 60_000
  const asked = request('/b/known')
  const answer = Promise.resolve(router.handle(asked))
  await clock.advance(10)
  asked.leave()
  t.equal((await clock.until(answer)).status, 503)
  t.equal(backend('cache1').counters.errors, 0)
  t.equal(backend('cache1').inFlight, 0)
})

t.test('checks take a server down after fall and bring it up after rise', async (t) => {
  const { cache1, router, clock, backend } = world()
  router.start()
  await clock.advance(2100)
  t.equal(backend('cache1').routable, 'up')
  cache1.mood = 'hang'
  cache1.firstByteTimeoutMs = 60_000
  await clock.advance(900)
  t.equal(backend('cache1').routable, 'up')
  await clock.advance(1100)
  t.equal(backend('cache1').routable, 'down')
  cache1.mood = 404
  await clock.advance(1600)
  t.equal(backend('cache1').routable, 'up', 'any status below 500 is good enough')
  t.match(router.fleet.journal.transitions, [
    { backend: 'cache1', from: 'up', to: 'down', because: 'checks-failed' },
    { backend: 'cache1', from: 'down', to: 'up', because: 'checks-passed' },
  ])
})

t.test('a cache node that says S3 is away is well itself, for checks and for traffic', async (t) => {
  const { get, cache1, router, clock, backend } = world()
  cache1.intercept = async () => ({ status: 503, headers: ['X-Cache-Status', 'MISS'], body: pieces([]) })
  router.start()
  for (let i = 0; i < 10; i++) {
    await get('/b/new')
    await clock.advance(500)
  }
  t.equal(backend('cache1').routable, 'up')
  cache1.intercept = async () => ({ status: 503, headers: [], body: pieces([]) })
  await clock.advance(2000)
  t.equal(backend('cache1').routable, 'down', 'any other 503 speaks against the node')
})

t.test('the record of downtime tells how long S3 was away, not how long it took to notice', async (t) => {
  for (const mood of ['refused', 'hang', 503] as const) {
    const { s3, router, clock, backend } = world()
    s3.firstByteTimeoutMs = 60_000
    router.start()
    await clock.advance(10_230)
    s3.mood = mood
    await clock.advance(30_000)
    s3.mood = 'ok'
    await clock.advance(5000)
    t.ok(Math.abs(backend('s3').downtimeMs - 30_000) <= 500, `${mood}: ${backend('s3').downtimeMs} ms`)
  }
})

t.test('three refused connections in a row take a server down before any check', async (t) => {
  const { get, cache1, backend } = world()
  cache1.mood = 'refused'
  for (let i = 0; i < 3; i++) t.equal((await get('/b/known')).status, 200)
  t.match(backend('cache1'), { routable: 'down', because: 'errors-in-a-row' })
  const asked = cache1.requests.length
  await get('/b/known')
  t.equal(cache1.requests.length, asked, 'no traffic to a server that is down')
})

t.test('misses that S3 never answers do not take the cache node down', async (t) => {
  const { get, cache1, router, clock, backend } = world()
  router.start()
  await clock.advance(700)
  cache1.intercept = async ({ method }) => {
    if (method === 'HEAD') return { status: 200, headers: [], body: pieces([]) }
    await clock.sleep(400)
    throw new ProxyError('silent', { code: 'first-byte-timeout', source: 'cache' })
  }
  for (let i = 0; i < 8; i++) await get('/b/new')
  t.equal(backend('cache1').routable, 'up')
})

t.test('a retry that may repeat work needs budget; one that repeats none is free', async (t) => {
  const retry = { attempts: 3, budgetRatio: 0, budgetPerSecond: 0, resumes: 3 }
  for (const [mood, status] of [
    ['refused', 200],
    [504, 504],
    ['hang', 503],
  ] as const) {
    const { get, origin } = routerWorld(undefined, { retry })
    origin('s3').put('/b/x', 'x')
    origin('cache1').mood = mood
    t.equal((await get('/b/x')).status, status, `${mood}`)
  }
})

t.test('the log names what did not go straight through, in two letters and timers', async (t) => {
  const { get, cache1, s3, log } = world()
  const lines = () => log.lines.filter(({ message }) => message === 'request').map(({ fields }) => fields)
  await collect((await get('/b/known')).body)
  t.same(lines(), [], 'all went well')
  cache1.mood = 'refused'
  await collect((await get('/b/known?X-Amz-Signature=secret')).body)
  s3.mood = 'hang'
  await get('/b/known')
  t.match(lines(), [
    { status: 200, termination: '--', backend: 's3', tried: 'cache1,s3', path: '/b/known', tr: 33, ta: 33 },
    { status: 503, termination: 'SC', because: 'all-servers-tried', backend: 'none', tr: -1 },
  ])
})

t.test('a known hit is given up early, a miss is left its time, a write is left it all', async (t) => {
  const { get, cache1, clock, backend } = world()
  await collect((await get('/b/known')).body)
  Object.assign(cache1, { mood: 'hang', firstByteTimeoutMs: 60_000 })
  const took = async (target: string, more = {}) => {
    const startMs = clock.monotonicMs()
    const { status } = await get(target, more)
    return [status, clock.monotonicMs() - startMs]
  }
  t.same(await took('/b/known'), [200, 400 + 32])
  t.same(await took('/b/new'), [200, 400 + 32], 'a node that answers nobody is not waiting for S3')
  const answersOthers = () => backend('cache1').headArrived({ status: 200, headers: [], body: pieces([]) }, 0)
  clock.after(399, answersOthers)
  t.same(await took('/b/new'), [200, 600 + 32])
  t.same(await took('/b/x', { method: 'PUT' }), [503, 900])
})

t.test(
  'a node that answers nothing is given up by known hits alone, one that answers others is not',
  async (t) => {
    const { get, cache1, clock, backend } = world()
    await collect((await get('/b/known')).body)
    cache1.mood = 'hang'
    cache1.firstByteTimeoutMs = 60_000
    const three = (path: string) => Promise.all([0, 1, 2].map(() => get(path)))
    await three('/b/new')
    t.equal(backend('cache1').routable, 'up', 'S3 may be slow')
    clock.after(399, () =>
      backend('cache1').checked({ ok: true, text: '', status: 200, error: null }, clock.monotonicMs()),
    )
    await three('/b/known')
    t.equal(backend('cache1').routable, 'up')
    const startMs = clock.monotonicMs()
    await three('/b/known')
    t.match(backend('cache1'), { routable: 'down', because: 'silent-to-traffic', sinceMs: startMs + 400 })
  },
)

t.test('what a node holds is learnt anew when it comes back', async (t) => {
  const { get, cache1, router, backend, clock } = world()
  await collect((await get('/b/known')).body)
  t.equal(router.fleet.expectedHits.has('/b/known'), true)
  router.start()
  cache1.mood = 'refused'
  await clock.advance(2000)
  t.equal(backend('cache1').routable, 'down')
  cache1.mood = 'ok'
  await clock.advance(2000)
  t.equal(backend('cache1').routable, 'up')
  t.equal(router.fleet.expectedHits.has('/b/known'), false)
  router.close()
})

t.test('a check that times out while traffic is answered says nothing', async (t) => {
  const { get, cache1, router, clock, backend } = world()
  router.start()
  await clock.advance(100)
  cache1.intercept = async ({ method, signal }) => {
    if (method === 'HEAD') {
      await new Promise((_, reject) => signal!.addEventListener('abort', () => reject(signal!.reason)))
    }
    return { status: 200, headers: ['Content-Length', '0'], body: pieces([]) }
  }
  for (let i = 0; i < 20; i++) {
    await get('/b/known')
    await clock.advance(200)
  }
  t.match(backend('cache1'), { routable: 'up', lastCheck: { error: 'check-timeout' } })
  await clock.advance(2000)
  t.equal(backend('cache1').routable, 'down', 'without traffic the checks decide')
})
