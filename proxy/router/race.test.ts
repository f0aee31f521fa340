import t from 'tap'
import { headerValue } from '../object.ts'
import { collect, patterned, pieces } from '../testing/memory-origin.ts'
import { hitHeaders, routerWorld } from '../testing/router-world.ts'

const hedge = { enabled: true, afterMs: 100, budgetRatio: 1 }

/** /b/k is known to be in the node's store, /b/new isn't. */
async function world(overrides = {}) {
  const made = routerWorld(undefined, { hedge: { ...hedge, ...overrides } })
  made.origin('cache1').put('/b/k', patterned(40_000), hitHeaders)
  made.origin('s3').put('/b/k', patterned(40_000))
  made.origin('s3').put('/b/new', 'new')
  made.router.fleet.expectedHits.add('/b/k')
  return made
}

t.test('when the first server is silent a second one is asked, and the loser is let go', async (t) => {
  const { get, origin, clock, backend } = await world()
  origin('cache1').latencyMs = 5000
  const response = await get('/b/k')
  t.equal(headerValue(response.headers, 'x-backend'), 's3')
  t.match(headerValue(response.headers, 'cache-status'), /detail=hedge/)
  t.equal(clock.monotonicMs(), 132)
  t.same(await clock.until(collect(response.body)), patterned(40_000))
  t.equal(backend('cache1').inFlight, 0)
  t.equal(backend('cache1').counters.errors, 0, 'losing a race is no error')
})

t.test('a miss is hedged only when the node answers nobody: else it is S3 that is slow', async (t) => {
  const { get, origin, clock, backend } = await world()
  const cache1 = origin('cache1')
  cache1.put('/b/new', 'new')
  cache1.latencyMs = 160
  const answersOthers = () => backend('cache1').headArrived({ status: 200, headers: [], body: pieces([]) }, 0)
  clock.after(50, answersOthers)
  t.equal(headerValue((await get('/b/new')).headers, 'x-backend'), 'cache1')
  t.same(origin('s3').seen, [])
  cache1.latencyMs = 5000
  clock.after(50, answersOthers)
  const startMs = clock.monotonicMs()
  t.equal(headerValue((await get('/b/new')).headers, 'x-backend'), 's3')
  t.equal(clock.monotonicMs() - startMs, 232, 'it is looked at again and again')
})

t.test('a node whose hits others had to answer is given up once it was silent for its time', async (t) => {
  const { get, origin, clock, backend } = await world()
  origin('cache1').latencyMs = 5000
  for (let i = 0; i < 3; i++) await get('/b/k')
  t.equal(clock.monotonicMs(), 3 * 132)
  t.equal(backend('cache1').routable, 'up')
  await clock.advance(400)
  t.match(backend('cache1'), { routable: 'down', because: 'silent-to-traffic', counters: { errors: 3 } })
})

t.test('whichever answers first is taken', async (t) => {
  const { get, origin, clock, backend } = await world()
  origin('cache1').latencyMs = 110
  const response = await get('/b/k')
  t.equal(headerValue(response.headers, 'x-backend'), 'cache1')
  t.same(await clock.until(collect(response.body)), patterned(40_000))
  await clock.advance(1000)
  t.equal(backend('s3').inFlight, 0)
})

t.test('a bad answer does not win against one that may still be good', async (t) => {
  const { get, origin } = await world()
  origin('cache1').latencyMs = 200
  origin('s3').mood = 'refused'
  t.equal(headerValue((await get('/b/k')).headers, 'x-backend'), 'cache1')
  origin('s3').mood = 'ok'
  origin('cache1').mood = 503
  origin('cache1').latencyMs = 120
  t.equal(headerValue((await get('/b/k')).headers, 'x-backend'), 's3')
})

t.test('no hedge for a quick answer, an upload, or beyond the budget', async (t) => {
  const quick = await world()
  await quick.get('/b/k')
  t.same(quick.origin('s3').seen, [])
  const upload = await world()
  upload.origin('cache1').latencyMs = 500
  await upload.get('/b/k', { method: 'PUT' })
  t.same(upload.origin('s3').seen, [])
  const poor = await world({ budgetRatio: 0.25 })
  poor.origin('cache1').latencyMs = 150
  for (let i = 0; i < 8; i++) await poor.get('/b/k')
  t.equal(poor.origin('s3').seen.length, 2, 'a quarter of eight')
})

t.test('a server that is silent past its time may still answer: slow beats none', async (t) => {
  const { get, origin, clock, backend } = await world({ enabled: false })
  origin('cache1').latencyMs = 700
  origin('s3').mood = 'refused'
  const response = await get('/b/k')
  t.equal(headerValue(response.headers, 'x-backend'), 'cache1')
  t.equal(clock.monotonicMs(), 700)
  t.equal(backend('cache1').counters.errors, 1, 'its silence was noted')
  t.same(origin('s3').seen, ['GET /b/k'])
})

t.test('while S3 is down too, the silent server is waited for until the deadline', async (t) => {
  const { get, origin, clock, backend } = await world({ enabled: false })
  backend('s3').setMode('maint')
  origin('cache1').latencyMs = 850
  t.equal((await get('/b/k')).status, 200)
  t.equal(clock.monotonicMs(), 850)
})
