import t from 'tap'
import { headerValue } from '../object.ts'
import { collect, patterned } from '../testing/memory-origin.ts'
import { hitHeaders, routerWorld, server } from '../testing/router-world.ts'
import { routerDefaults } from './options.ts'

const names = ['cache1', 'cache2', 'cache3']
const keys = Array.from({ length: 60 }, (_, i) => `/b/o${i}`)

function three(overrides = {}) {
  const made = routerWorld(
    [...names, 's3'].map((name) => server(name)),
    overrides,
  )
  for (const name of [...names, 's3'])
    for (const key of keys) made.origin(name).put(key, key, name === 's3' ? [] : hitHeaders)
  const placed = async () => {
    const where = new Map<string, string>()
    for (const key of keys) {
      const response = await made.get(key)
      await made.clock.until(collect(response.body))
      where.set(key, headerValue(response.headers, 'x-backend')!)
    }
    return where
  }
  return { ...made, placed }
}

t.test('each object has its node; a dead node moves only its own objects, to its neighbours', async (t) => {
  const { placed, origin, backend } = three()
  const before = await placed()
  t.same(new Set(before.values()), new Set(names))
  t.same(await placed(), before)
  origin('cache2').mood = 'refused'
  const after = await placed()
  t.equal(backend('cache2').routable, 'down')
  for (const [key, node] of after) {
    t.not(node, 'cache2')
    if (before.get(key) !== 'cache2') t.equal(node, before.get(key))
  }
  t.equal(origin('s3').requests.length, 0, 'S3 is not asked while a cache node is up')
})

t.test('fail-back: a node that returns cold takes its objects over step by step (slowstart)', async (t) => {
  const { placed, origin, backend, router, clock } = three({ slowStartMs: 60_000 })
  const before = await placed()
  router.start()
  origin('cache2').mood = 'refused'
  await clock.advance(2000)
  t.equal(backend('cache2').routable, 'down')
  origin('cache2').mood = 'ok'
  await clock.advance(1600)
  t.equal(backend('cache2').routable, 'up')
  const count = (where: Map<string, string>) => [...where.values()].filter((node) => node === 'cache2').length
  const early = count(await placed())
  await clock.advance(60_000)
  t.ok(early < count(before) / 2, `${early} of ${count(before)}`)
  t.same(await placed(), before)
})

t.test('an operator drains a server: what runs ends well, nothing new comes, S3 takes over', async (t) => {
  const { get, origin, backend, router, clock } = routerWorld()
  for (const name of ['cache1', 's3']) origin(name).put('/b/k', patterned(60_000))
  const running = await get('/b/k')
  backend('cache1').setMode('drain')
  t.equal(headerValue((await get('/b/k')).headers, 'x-backend'), 's3')
  t.same(await clock.until(collect(running.body)), patterned(60_000))
  router.start()
  await clock.advance(100)
  const checks = origin('cache1').requests.length
  backend('cache1').setMode('maint')
  await clock.advance(5000)
  t.equal(origin('cache1').requests.length, checks, 'maintenance is not even checked')
  backend('cache1').setMode('ready')
  t.equal(headerValue((await get('/b/k')).headers, 'x-backend'), 'cache1')
  t.match(router.fleet.journal.transitions, [
    { to: 'drain' },
    { to: 'maint' },
    { to: 'up', because: 'operator' },
  ])
})

t.test('gray failure: a node that answers, but far slower than the others, is passed over', async (t) => {
  const observe = { ...routerDefaults.observe, slowFactor: 3 }
  const { placed, origin, backend } = three({ observe })
  await placed()
  origin('cache1').latencyMs = 200
  for (let i = 0; i < 3; i++) await placed()
  t.match(backend('cache1'), { routable: 'down', because: 'slow-outlier' })
  t.equal(backend('cache2').routable, 'up')
})

t.test('a full node answers 503 in time instead of letting its misses spill over to S3', async (t) => {
  const queue = { maxQueue: 1, timeoutMs: 300, reservedForHits: 0 }
  const { get, origin, clock } = routerWorld([server('cache1', { maxConnections: 1 }), server('s3')], {
    queue,
  })
  origin('cache1').put('/b/k', patterned(40_000))
  const first = await get('/b/k')
  const startMs = clock.monotonicMs()
  const waits = get('/b/k')
  const full = await get('/b/k')
  t.equal(full.status, 503)
  t.match(headerValue(full.headers, 'cache-status'), /detail=queue-full/)
  const late = await waits
  t.equal(late.status, 503)
  t.match(headerValue(late.headers, 'cache-status'), /detail=queue-timeout/)
  t.equal(headerValue(late.headers, 'retry-after'), '1')
  t.equal(clock.monotonicMs() - startMs, 300)
  await clock.until(collect(first.body))
  t.equal((await get('/b/k')).status, 200)
  t.same(origin('s3').seen, [])
})

t.test('a reload keeps what is known of the servers that stay', async (t) => {
  const { router, origin, clock, backend } = routerWorld()
  router.start()
  origin('s3').mood = 'refused'
  await clock.advance(3000)
  const { createRouter } = await import('./route.ts')
  const { fleet } = router
  const next = createRouter(fleet.options, fleet.ports, router)
  const s3 = next.fleet.backends.find(({ name }) => name === 's3')!
  t.match(s3, { routable: 'down', because: 'checks-failed', downtimeMs: backend('s3').downtimeMs })
  t.equal(next.fleet.journal, router.fleet.journal)
})

t.test(
  'what ends after a reload counts, too; a server that is checked no more is not left down',
  async (t) => {
    const { router, origin, clock, get } = routerWorld()
    router.start()
    origin('cache1').put('/b/k', 'known', hitHeaders)
    origin('s3').mood = 'refused'
    await clock.advance(3000)
    const answer = await get('/b/k')
    const { createRouter } = await import('./route.ts')
    const { options, ports } = router.fleet
    const servers = options.servers.map((one) => ({ ...one, check: null }))
    const next = createRouter({ ...options, servers }, ports, router)
    await clock.until(collect(answer.body))
    const [cache1, s3] = next.fleet.backends
    t.match(cache1!.counters, { requests: 1, bytesOut: 5 })
    t.equal(s3!.routable, 'up')
  },
)
