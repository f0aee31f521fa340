// The access log: one record a request, with what the planner needs, once the last byte has been handed out.
import t from 'tap'
import type { AccessRecord } from '../ports.ts'
import { iterate, once } from '../testing/bodies.ts'
import { cacheWorld } from '../testing/cache-world.ts'
import { patterned } from '../testing/memory-origin.ts'

const object = '/maps/dir/app.js.map'

function loggedWorld() {
  const records: AccessRecord[] = []
  const world = cacheWorld({}, { accessLog: { record: (record) => records.push(record) } })
  return { ...world, records }
}

t.test('a miss, a hit, a range, a HEAD, an upload and a refusal', async (t) => {
  const world = loggedWorld()
  const { etag } = world.origin.put(object, patterned(100_000))
  const atMs = world.clock.wallMs()
  await world.read(object)
  await world.read(object)
  await world.read(object, { headers: ['Range', 'bytes=0-9'] })
  await world.read(object, { method: 'HEAD' })
  await world.read(object, { method: 'PUT', body: once('new') })
  world.origin.mood = 'refused'
  await world.read('/maps/unknown')
  const known = {
    bucket: 'maps',
    key: 'dir/app.js.map',
    objectBytes: 100_000,
    etag,
    status: 200,
    method: 'GET',
  }
  const miss = {
    ...known,
    atMs,
    bytes: 100_000,
    cacheStatus: 'MISS',
    reason: 'cold',
    backend: 's3',
    upstreamBytes: 100_000,
    upstreamMs: 32,
    range: null,
  }
  const hit = {
    ...known,
    bytes: 100_000,
    cacheStatus: 'HIT',
    reason: 'fresh',
    backend: 'none',
    upstreamBytes: 0,
    upstreamMs: null,
  }
  t.match(world.records, [
    miss,
    hit,
    { ...hit, status: 206, bytes: 10, range: 'bytes=0-9' },
    { ...hit, method: 'HEAD', bytes: 0 },
    {
      method: 'PUT',
      status: 200,
      cacheStatus: 'BYPASS',
      reason: 'method',
      key: 'dir/app.js.map',
      objectBytes: null,
    },
    {
      status: 503,
      cacheStatus: 'MISS',
      reason: 'connect-refused',
      key: 'unknown',
      upstreamMs: null,
      etag: null,
    },
  ])
  t.equal(world.records.length, 6)
})

t.test('the whole fetch counts for the one who caused it, not for those who joined', async (t) => {
  const world = loggedWorld()
  world.origin.put(object, patterned(100_000))
  await Promise.all([1, 2, 3].map(() => world.read(object)))
  t.strictSame(
    world.records.map(({ upstreamBytes }) => upstreamBytes).toSorted((a, b) => a - b),
    [0, 0, 100_000],
  )
})

t.test('a client that leaves is recorded with what it got', async (t) => {
  const world = loggedWorld()
  world.origin.put(object, patterned(100_000))
  world.origin.chunkDelayMs = 10
  const reader = iterate(await world.clock.until(world.send(world.request(object))))
  await reader.next()
  t.equal(world.records.length, 0)
  await reader.return?.()
  await reader.return?.()
  t.match(world.records, [{ bytes: 16_384 }])
  t.equal(world.records.length, 1)
})

t.test('a body that breaks is recorded, too', async (t) => {
  const world = loggedWorld()
  world.origin.intercept = () => ({ status: 200, headers: ['Content-Length', '9'], body: once('short') })
  await t.rejects(world.read(object))
  t.match(world.records, [{ bytes: 5, status: 200 }])
})
