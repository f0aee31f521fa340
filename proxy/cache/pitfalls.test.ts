// What caching proxies in front of S3 are known to get wrong, and what has to happen instead: one test each.
import t from 'tap'
import { type HeaderList, headerValue } from '../object.ts'
import type { AccessRecord } from '../ports.ts'
import { once } from '../testing/bodies.ts'
import {
  type CacheWorld,
  cacheWorld,
  hourMs,
  slowKey as key,
  slowPath as object,
  readAnswer,
} from '../testing/cache-world.ts'
import { collect, patterned } from '../testing/memory-origin.ts'
import { settle } from '../testing/virtual-clock.ts'
import { cacheDefaults } from './options.ts'

const lastRequest = ({ origin }: Pick<CacheWorld, 'origin'>) => origin.requests.at(-1)!

t.test(
  'the clock jumps back or forward: ages are never negative, and what can’t be trusted is validated',
  async (t) => {
    const world = cacheWorld()
    world.origin.put(object, patterned(10))
    await world.clock.advance(hourMs)
    await world.read(object)
    const entry = world.store.lookup(key)!
    world.store.update(key, { ...entry.meta, validatedAtMs: entry.meta.validatedAtMs + hourMs / 2 })
    const answer = await world.read(object)
    t.match(answer.cacheStatus, /fwd=stale; fwd-status=304; .*detail=clock-went-back/)
    t.equal(answer.header('age'), '0')
    const { meta } = world.store.lookup(key)!
    const jumped = { ...meta, validatedAtMs: meta.validatedAtMs - 9 * hourMs, freshUntilMs: 1 }
    world.store.update(key, jumped)
    t.equal((await world.read(object)).word, 'STALE')
    await settle()
    await world.clock.advance(100)
    t.equal((await world.read(object)).word, 'HIT', 'validated, not fetched again')
    t.equal(world.origin.requests.filter(({ sentBytes }) => sentBytes > 0).length, 1)
  },
)

t.test('Date skew on the upstream: age and freshness are told by our own clock', async (t) => {
  for (const profile of ['s3', 'rfc9111'] as const) {
    for (const skewMs of [-5 * hourMs, 5 * hourMs]) {
      const world = cacheWorld({ profile })
      const date = new Date(world.clock.wallMs() + skewMs).toUTCString()
      world.origin.put(object, 'x', ['Date', date, 'Cache-Control', 'max-age=3600'])
      await world.read(object)
      await world.clock.advance(90_000)
      const hit = await world.read(object)
      t.equal(hit.word, 'HIT', `${profile} ${skewMs}`)
      t.equal(hit.header('age'), '90')
      await world.clock.advance(hourMs)
      t.not((await world.read(object)).word, 'HIT')
    }
  }
})

t.test(
  '503 SlowDown: no immediate retry storm, Retry-After is heeded and passed on, stale is served if there is any',
  async (t) => {
    const world = cacheWorld()
    world.origin.put(object, patterned(10))
    await world.read(object)
    await world.clock.advance(2 * hourMs)
    world.origin.mood = 'slow-down'
    const miss = await world.read('/maps/other')
    t.equal(miss.status, 503)
    t.equal(miss.header('retry-after'), '2')
    const asked = world.origin.requests.length
    for (let i = 0; i < 10; i++) t.equal((await world.read(object)).word, 'STALE')
    t.equal(world.origin.requests.length, asked)
    await world.clock.advance(2100)
    await world.read(object)
    await settle()
    t.equal(world.origin.requests.length, asked + 1)
  },
)

t.test('S3 is down: stale hits from the disk, else a fast 503 with Retry-After, no hang', async (t) => {
  const world = cacheWorld({ deadlineMs: 500 })
  world.origin.put('/maps/stored', patterned(10))
  await world.read('/maps/stored')
  await world.clock.advance(2 * hourMs)
  world.origin.mood = 'hang'
  world.origin.firstByteTimeoutMs = 30_000
  const startMs = world.clock.monotonicMs()
  const answer = await world.read(object)
  t.equal(answer.status, 503)
  t.match(answer.header('retry-after'), /^\d+$/)
  t.equal(world.clock.monotonicMs() - startMs, 500)
  const stale = await world.read('/maps/stored')
  t.strictSame([stale.status, stale.word, stale.bytes.length], [200, 'STALE', 10])
  t.equal(world.clock.monotonicMs() - startMs, 500, 'at once')
})

t.test(
  'hop-by-hop: Connection and every header it names are stripped, on the request and on the stored response',
  async (t) => {
    const world = cacheWorld()
    const hop: HeaderList = [
      'Connection',
      'keep-alive, X-Odd',
      'X-Odd',
      '1',
      'Keep-Alive',
      'timeout=5',
      'TE',
      'gzip',
    ]
    world.origin.put(object, 'x', [...hop, 'Proxy-Authenticate', 'Basic', 'X-Kept', '1'])
    const miss = await world.read(object, {
      headers: [...hop, 'Proxy-Authorization', 'secret', 'X-Kept', '1'],
    })
    const hit = await world.read(object)
    t.strictSame(world.origin.requests[0]!.headers, ['Host', 's3.test', 'X-Kept', '1'])
    for (const answer of [miss, hit]) {
      t.equal(answer.header('x-kept'), '1')
      for (const name of ['connection', 'x-odd', 'keep-alive', 'te', 'proxy-authenticate'])
        t.equal(answer.header(name), undefined)
    }
  },
)

t.test('key confusion: a GET with a body, which would be ignored for the key, is rejected', async (t) => {
  const world = cacheWorld()
  const answer = await world.read(object, { body: once('fat') })
  t.equal(answer.status, 400)
  t.equal(world.origin.requests.length, 0)
})

t.test('CPDoS: an upstream 400 for an odd header must not be stored', async (t) => {
  const world = cacheWorld({
    valid: [200, 400, 404].map((status) => ({ prefix: '', status, timeMs: hourMs })),
  })
  world.origin.put(object, patterned(10))
  world.origin.intercept = (asked) =>
    headerValue(asked.headers, 'x-odd')
      ? { status: 400, headers: ['Content-Length', '1'], body: once('x') }
      : undefined
  t.equal((await world.read(object, { headers: ['X-Odd', '1'] })).status, 400)
  t.equal((await world.read(object)).status, 200)
})

t.test('CORS: S3 omits its headers when no Origin was sent, so answers are kept by Origin', async (t) => {
  const world = cacheWorld()
  world.origin.put(object, 'x')
  world.origin.intercept = (asked) => {
    const origin = headerValue(asked.headers, 'origin')
    const cors = origin ? ['Access-Control-Allow-Origin', origin, 'Vary', 'Origin'] : []
    return { status: 200, headers: ['Content-Length', '1', ...cors], body: once('x') }
  }
  await world.read(object)
  const headers = ['Origin', 'https://app.test']
  t.equal((await world.read(object, { headers })).header('access-control-allow-origin'), 'https://app.test')
  const hit = await world.read(object, { headers })
  t.equal(hit.word, 'HIT')
  t.equal(hit.header('access-control-allow-origin'), 'https://app.test')
  t.equal((await world.read(object)).header('access-control-allow-origin'), undefined)
})

t.test(
  'a 304 to an unconditional client: never, though the cache itself asked with conditions',
  async (t) => {
    const world = cacheWorld({ useStale: [] })
    world.origin.put(object, patterned(10))
    await world.read(object)
    await world.clock.advance(2 * hourMs)
    const answer = await world.read(object)
    t.equal(answer.status, 200)
    t.equal(answer.word, 'REVALIDATED')
    t.equal(answer.bytes.length, 10)
  },
)

t.test('HEAD cached then GET, 206 stored as 200: each asks S3 for what it lacks', async (t) => {
  const world = cacheWorld()
  world.origin.put(object, patterned(1000))
  t.equal((await world.read(object, { method: 'HEAD' })).header('content-length'), '1000')
  const signsRange = 'AWS4-HMAC-SHA256 Credential=AK/x, SignedHeaders=host;range, Signature=x'
  const headers = ['Range', 'bytes=0-9', 'Authorization', signsRange]
  const part = await world.read(object, { headers })
  t.strictSame([part.status, part.bytes.length], [206, 10])
  t.strictSame(world.store.keys, [])
  const whole = await world.read(object)
  t.strictSame([whole.status, whole.word, whole.bytes], [200, 'MISS', patterned(1000)])
})

t.test('Age is present on hits, computed, and Date is kept from the origin', async (t) => {
  const world = cacheWorld()
  const date = new Date(world.clock.wallMs()).toUTCString()
  world.origin.put(object, 'x', ['Date', date, 'Age', '7'])
  await world.read(object)
  await world.clock.advance(90_000)
  const hit = await world.read(object)
  t.equal(hit.header('age'), '97')
  t.equal(hit.header('date'), date)
})

t.test('secrets are masked in logs, access records and cache files', async (t) => {
  const records: AccessRecord[] = []
  const world = cacheWorld({}, { accessLog: { record: (record) => records.push(record) } })
  world.origin.put(object, patterned(10))
  const signature = `X-Amz-Signature=${'5ec2e7'.repeat(10)}`
  const date = new Date(world.clock.wallMs()).toISOString().replace(/[-:]|\.\d+/g, '')
  const query = `X-Amz-Credential=AKIA/x&X-Amz-Date=${date}&X-Amz-Expires=600&X-Amz-SignedHeaders=host&${signature}`
  const headers = [
    'Authorization',
    'AWS4-HMAC-SHA256 Signature=5ec2e75ec2e7',
    'X-Amz-Security-Token',
    '5ec2e7token',
  ]
  await world.read(`${object}?${query}`)
  await world.read('/maps/other', { headers })
  world.origin.mood = 'refused'
  await world.read('/maps/third', { headers })
  const stored = world.store.keys.map((key) => [key, world.store.lookup(key)])
  t.equal(records.length, 3)
  t.notMatch(JSON.stringify([world.log.lines, records, stored]), /5ec2e7/)
})

t.test('X-Cache-Status spoofed by the upstream or by a client is overwritten', async (t) => {
  const world = cacheWorld()
  world.origin.put(object, 'x', ['X-Cache-Status', 'EVIL', 'Cache-Status', 'evil; hit'])
  for (const word of ['MISS', 'HIT']) {
    const answer = await world.clock.until(
      world.send(world.request(object, { headers: ['X-Cache-Status', 'EVIL'] })),
    )
    t.equal(headerValue(answer.headers, 'x-cache-status'), word)
    t.notMatch(answer.headers.join(), /evil/i)
  }
  t.notMatch(lastRequest(world).headers.join(), /evil/i)
})

t.test('an object that turned out not to be storable is not queued for', async (t) => {
  const world = cacheWorld()
  world.origin.put(object, patterned(100), ['Cache-Control', 'no-store'])
  await world.read(object)
  world.origin.latencyMs = 200
  const startMs = world.clock.monotonicMs()
  const reads = [1, 2, 3].map(() => world.send(world.request(object)).then(readAnswer))
  const answers = await world.clock.until(Promise.all(reads))
  t.equal(world.clock.monotonicMs() - startMs, 200, 'all at once, not one after another')
  for (const answer of answers) t.match(answer.cacheStatus, /fwd=bypass; fwd-status=200; detail=no-store/)
  await world.clock.advance(cacheDefaults.fill.hitForMissMs)
  world.origin.put(object, patterned(100))
  await world.read(object)
  t.equal((await world.read(object)).word, 'HIT', 'the mark has a time limit')
})

t.test('recovery: refreshes of what became stale in an outage are spread, each key once', async (t) => {
  const world = cacheWorld({ recoveryJitterMs: 2000 }, { random: { next: spread() } })
  const paths = Array.from({ length: 40 }, (_, i) => `/maps/${i}`)
  for (const path of paths) world.origin.put(path, patterned(100))
  for (const path of paths) await world.read(path)
  await world.clock.advance(2 * hourMs)
  world.origin.mood = 'refused'
  for (const path of paths) await world.read(path)
  await world.clock.advance(2000)
  world.origin.mood = 'ok'
  world.origin.requests.length = 0
  await world.read(paths[0]!)
  await world.clock.advance(50)
  for (let round = 0; round < 3; round++)
    for (const path of paths) t.equal((await world.read(path)).status, 200)
  t.ok(world.origin.requests.length < 5, 'not all at once')
  await world.clock.advance(3000)
  t.strictSame(world.origin.seen.toSorted(), paths.map((path) => `GET ${path}`).toSorted())
})

/** Numbers from 0 to 1 in even steps. */
function spread(): () => number {
  let i = 0
  return () => (i++ % 40) / 40
}

t.test('collecting what a HIT is made of leaves no writer open', async (t) => {
  const world = cacheWorld()
  world.origin.put(object, '')
  t.equal((await world.read(object)).status, 200)
  t.strictSame(await collect((await world.send(world.request(object))).body), new Uint8Array(0))
  t.equal(world.store.openWriters, 0)
})

t.test('a refresh that is refused is not repeated with every request', async (t) => {
  const world = cacheWorld()
  world.origin.put(object, patterned(10))
  await world.read(object)
  await world.clock.advance(2 * hourMs)
  world.origin.intercept = () => ({ status: 403, headers: [], body: once('no') })
  for (let i = 0; i < 100; i++) {
    t.equal((await world.read(object)).status, 200)
    await world.clock.advance(10)
  }
  t.ok(world.origin.requests.length <= 3, `${world.origin.requests.length} requests`)
})

t.test('writes that meet silence open the breaker, as reads do', async (t) => {
  const world = cacheWorld()
  world.origin.mood = 'hang'
  world.origin.firstByteTimeoutMs = 60_000
  for (let i = 0; i < 5; i++) await world.read(object, { method: 'PUT', body: once('x') })
  t.equal(world.clock.pendingTimers, 0, 'and nothing is left waiting')
  const startMs = world.clock.monotonicMs()
  t.match((await world.read(object, { method: 'PUT', body: once('x') })).cacheStatus, /breaker-open/)
  t.equal(world.clock.monotonicMs(), startMs)
})
