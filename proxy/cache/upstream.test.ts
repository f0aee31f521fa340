// Asking the origins: their order, their breakers, and how long a silence lasts.
import t from 'tap'
import { ProxyError } from '../errors.ts'
import type { Body } from '../object.ts'
import type { Origin, OriginRequest } from '../ports.ts'
import { once } from '../testing/bodies.ts'
import { collect, MemoryOrigin } from '../testing/memory-origin.ts'
import { memoryLog } from '../testing/requests.ts'
import { VirtualClock } from '../testing/virtual-clock.ts'
import { BoundedMap } from './bounded-map.ts'
import { Upstream } from './upstream.ts'
import { send } from './within.ts'

const breaker = { deadCalls: 2, slowCalls: 0, slowMs: 1000, openMs: 1000 }
const turns = { ceiling: 16, waitMs: 400 }
const get: OriginRequest = { method: 'GET', target: '/b/k', headers: [], body: null }

function world(count = 2) {
  const clock = new VirtualClock()
  const origins = Array.from({ length: count }, (_, i) => new MemoryOrigin(`s3-${i + 1}`, clock))
  for (const origin of origins) origin.put('/b/k', 'body')
  const log = memoryLog()
  return { clock, origins, log, upstream: new Upstream(origins, breaker, turns, clock, log) }
}

t.test('the primary answers while it can, then the backup; a breaker spares the primary', async (t) => {
  const { clock, origins, upstream, log } = world()
  const [primary, backup] = origins as [MemoryOrigin, MemoryOrigin]
  t.equal((await clock.until(upstream.fetch(get))).backend, 's3-1')
  primary.mood = 'refused'
  for (let i = 0; i < 3; i++) t.equal((await clock.until(upstream.fetch(get))).backend, 's3-2')
  t.equal(primary.requests.length, 3, 'open after two, so the third was not sent')
  t.equal(upstream.access(), 'pass', 'there is still the backup')
  backup.mood = 'refused'
  for (let i = 0; i < 2; i++) await t.rejects(clock.until(upstream.fetch(get)), { code: 'connect-refused' })
  await t.rejects(upstream.fetch(get), { code: 'breaker-open' })
  t.equal(upstream.access(), 'refuse')
  t.ok(upstream.retryAfterMs() > 0 && upstream.retryAfterMs() <= 1000)
  await clock.advance(1000)
  t.equal(upstream.access(), 'probe')
  primary.mood = 'ok'
  t.equal((await clock.until(upstream.fetch(get))).backend, 's3-1')
  t.ok(upstream.recovering(1000))
  t.strictSame(
    log.lines.map(({ message, fields }) => `${message}: ${fields.origin}`),
    ['breaker opened: s3-1', 'breaker opened: s3-2', 'breaker closed: s3-1'],
  )
})

t.test(
  'a 5xx of the primary is thrown away when the backup has an answer, and given when it has none',
  async (t) => {
    const { clock, origins, upstream } = world()
    let ended = false
    const body = (async function* () {
      try {
        yield* once('busy')
      } finally {
        ended = true
      }
    })()
    const started = body.next.bind(body)
    const returned = body.return.bind(body)
    const tracked: Body = {
      [Symbol.asyncIterator]: () => ({
        next: () => started(),
        return: () => {
          ended = true
          return returned(undefined)
        },
      }),
    }
    origins[0]!.intercept = () => ({ status: 503, headers: [], body: tracked })
    t.equal((await clock.until(upstream.fetch(get))).response.status, 200)
    t.ok(ended)
    origins[1]!.mood = 'refused'
    origins[0]!.intercept = () => ({ status: 503, headers: [], body: once('busy') })
    const answer = await clock.until(upstream.fetch(get))
    t.equal(answer.response.status, 503)
    t.equal(answer.backend, 's3-1')
  },
)

t.test('a request with a body goes to one origin only', async (t) => {
  const { clock, origins, upstream } = world()
  origins[0]!.mood = 'refused'
  await t.rejects(clock.until(upstream.fetch({ ...get, method: 'PUT', body: once('x') })), {
    code: 'connect-refused',
  })
  t.equal(origins[1]!.requests.length, 0)
})

t.test('a client that leaves says nothing of the origin', async (t) => {
  const { clock, origins, upstream } = world(1)
  origins[0]!.mood = 'hang'
  for (let i = 0; i < 5; i++) {
    const controller = new AbortController()
    const asked = upstream.fetch({ ...get, signal: controller.signal })
    asked.catch(() => {})
    await clock.advance(10)
    controller.abort()
    await t.rejects(asked)
  }
  t.equal(upstream.access(), 'pass')
})

t.test(
  'an origin that answers before it has read the upload is not cut off by the upload’s clock',
  async (t) => {
    const clock = new VirtualClock()
    const early: Origin = {
      name: 'early',
      async fetch(request) {
        void collect(request.body)
        const { signal } = request
        const body = (async function* () {
          await clock.sleep(2000)
          if (signal?.aborted) throw new ProxyError('cut', { code: 'reset', source: 'origin' })
          yield* once('refused')
        })()
        return { status: 403, headers: [], body }
      },
    }
    const upstream = new Upstream([early], breaker, turns, clock, memoryLog())
    const upload = (async function* () {
      await clock.sleep(100)
      yield* once('x')
    })()
    const request = { ...get, method: 'PUT', body: upload, signal: new AbortController().signal }
    const { response } = await send(request, upstream, clock, 500)
    t.equal((await clock.until(collect(response.body))).length, 7)
  },
)

t.test('a bounded map forgets its oldest', async (t) => {
  const map = new BoundedMap<string, number>(2)
  map.set('a', 1)
  map.set('b', 2)
  map.set('a', 3)
  map.set('c', 4)
  t.strictSame([map.get('a'), map.get('b'), map.get('c')], [3, undefined, 4])
})

t.test('501 is an answer and no failure: it neither opens the breaker nor goes to the backup', async (t) => {
  const { clock, origins, upstream } = world()
  origins[0]!.mood = 501
  for (let i = 0; i < 5; i++) t.equal((await clock.until(upstream.fetch(get))).backend, 's3-1')
  t.equal(origins[1]!.requests.length, 0)
})

t.test('a Retry-After is heeded, but not for ever', async (t) => {
  const { clock, origins, upstream } = world(1)
  const answer = (seconds: string) => () => ({
    status: 503,
    headers: ['Retry-After', seconds],
    body: once(''),
  })
  origins[0]!.intercept = answer('5')
  await clock.until(upstream.fetch(get))
  t.ok(upstream.slowedDown())
  await clock.advance(5000)
  t.notOk(upstream.slowedDown())
  origins[0]!.intercept = answer('9000')
  await clock.until(upstream.fetch(get))
  await clock.advance(30_000)
  t.notOk(upstream.slowedDown())
})
