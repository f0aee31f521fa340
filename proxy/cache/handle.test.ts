import t from 'tap'
import { headerValue } from '../object.ts'
import { iterate, once, remainder } from '../testing/bodies.ts'
import { cacheWorld, hourMs, readAnswer } from '../testing/cache-world.ts'
import { collect, patterned } from '../testing/memory-origin.ts'
import { settle } from '../testing/virtual-clock.ts'

const object = '/maps/app.js.map'

t.test('the first read is a miss, the second a hit without asking the origin', async (t) => {
  const world = cacheWorld()
  const bytes = patterned(100_000)
  world.origin.put(object, bytes)
  const miss = await world.read(object)
  const hit = await world.read(object)
  t.strictSame(miss.bytes, bytes)
  t.strictSame(hit.bytes, bytes)
  t.equal(miss.cacheStatus, 'breakwater-cache; fwd=uri-miss; fwd-status=200; stored; detail=cold')
  t.equal(miss.word, 'MISS')
  t.equal(hit.cacheStatus, 'breakwater-cache; hit; ttl=3600; detail=fresh')
  t.equal(hit.word, 'HIT')
  t.equal(hit.header('age'), '0')
  t.equal(hit.header('x-amz-request-id'), undefined, 'a hit does not carry the request id of another request')
  t.equal(world.origin.requests.length, 1)
})

t.test('a hit in memory is answered without a promise', async (t) => {
  const world = cacheWorld()
  world.origin.put(object, patterned(1000))
  await world.read(object)
  const answer = world.cache.handle(world.request(object))
  t.notOk(answer instanceof Promise)
  if (answer instanceof Promise) return
  t.ok(answer.body instanceof Uint8Array)
})

t.test(
  'an expired entry is served at once while one refresh asks the origin in the background',
  async (t) => {
    const world = cacheWorld()
    world.origin.put(object, patterned(1000))
    await world.read(object)
    await world.clock.advance(2 * hourMs)
    const [first, second] = [await world.send(world.request(object)), await world.send(world.request(object))]
    t.equal(headerValue(first.headers, 'x-cache-status'), 'STALE')
    t.equal(headerValue(second.headers, 'x-cache-status'), 'UPDATING')
    await world.clock.advance(100)
    t.equal(world.origin.requests.length, 2, 'one fill and one refresh')
    t.equal(
      headerValue(world.origin.requests[1]!.headers, 'if-none-match'),
      world.origin.objects.get(object)!.etag,
    )
    t.equal((await world.read(object)).word, 'HIT')
  },
)

t.test('without "updating" an expired entry is validated first', async (t) => {
  const world = cacheWorld({ useStale: ['error', 'timeout'] })
  world.origin.put(object, patterned(1000))
  await world.read(object)
  await world.clock.advance(2 * hourMs)
  const confirmed = await world.read(object)
  t.equal(confirmed.word, 'REVALIDATED')
  t.equal(confirmed.status, 200)
  t.strictSame(confirmed.bytes, patterned(1000))
  await world.clock.advance(2 * hourMs)
  world.origin.put(object, patterned(500, 2))
  const changed = await world.read(object)
  t.equal(changed.word, 'EXPIRED')
  t.strictSame(changed.bytes, patterned(500, 2))
})

for (const mood of ['refused', 'hang', 500, 502, 503, 504, 'slow-down'] as const) {
  t.test(
    `a stale entry covers an origin that is ${mood}, and an unknown object gets a fast 503`,
    async (t) => {
      const world = cacheWorld({
        useStale: ['error', 'timeout', 'http_500', 'http_502', 'http_503', 'http_504'],
      })
      world.origin.put(object, patterned(1000))
      await world.read(object)
      await world.clock.advance(2 * hourMs)
      world.origin.mood = mood
      const stale = await world.read(object)
      t.equal(stale.word, 'STALE')
      t.strictSame(stale.bytes, patterned(1000))
      const startMs = world.clock.monotonicMs()
      const unknown = await world.read('/maps/never-read.map')
      t.ok(unknown.status >= 500)
      t.ok(world.clock.monotonicMs() - startMs < 1000)
      if (unknown.status === 503) t.match(unknown.header('retry-after'), /^\d+$/)
      t.match(new TextDecoder().decode(unknown.bytes), /<Error><Code>/)
    },
  )
}

t.test('an origin that never answers is given up at the deadline', async (t) => {
  const world = cacheWorld()
  world.origin.mood = 'hang'
  world.origin.firstByteTimeoutMs = 60_000
  const startMs = world.clock.monotonicMs()
  const read = await world.read(object)
  t.equal(read.status, 503)
  t.equal(read.cacheStatus, 'breakwater-cache; fwd=uri-miss; detail=deadline')
  t.equal(world.clock.monotonicMs() - startMs, 800)
  const upload = world.request('/maps/new', { method: 'PUT', body: once(patterned(10)) })
  t.equal((await world.clock.until(world.send(upload))).status, 503)
})

t.test(
  'while the breaker is open stale entries are served without a fetch, and misses fail at once',
  async (t) => {
    const world = cacheWorld()
    world.origin.put(object, patterned(1000))
    await world.read(object)
    await world.clock.advance(2 * hourMs)
    world.origin.mood = 'refused'
    for (let i = 0; i < 5; i++) await world.read(`/maps/unknown-${i}`)
    const asked = world.origin.requests.length
    const stale = await world.read(object)
    t.equal(stale.cacheStatus, 'breakwater-cache; hit; ttl=-3601; detail=breaker-open')
    const startMs = world.clock.monotonicMs()
    const miss = await world.read('/maps/unknown-6')
    t.equal(miss.status, 503)
    t.match(miss.cacheStatus, /detail=breaker-open/)
    t.equal(world.clock.monotonicMs(), startMs)
    t.equal(world.origin.requests.length, asked, 'nobody was asked')
  },
)

t.test('after healing each stale key costs the origin at most one fetch', async (t) => {
  const world = cacheWorld()
  const keys = Array.from({ length: 20 }, (_, i) => `/maps/${i}`)
  for (const key of keys) world.origin.put(key, patterned(1000))
  for (const key of keys) await world.read(key)
  await world.clock.advance(2 * hourMs)
  world.origin.mood = 'refused'
  for (let i = 0; i < 200; i++) {
    t.equal((await world.read(keys[i % 20]!)).status, 200)
    await world.clock.advance(50)
  }
  world.origin.mood = 'ok'
  await world.clock.advance(2000)
  world.origin.requests.length = 0
  for (let i = 0; i < 400; i++) {
    t.equal((await world.read(keys[i % 20]!)).status, 200)
    await world.clock.advance(10)
  }
  t.strictSame(world.origin.seen.toSorted(), keys.map((key) => `GET ${key}`).toSorted())
})

t.test('two clients, cold object: one origin GET, and both read while it comes', async (t) => {
  const world = cacheWorld()
  const bytes = patterned(20 * 16_384)
  world.origin.put(object, bytes)
  world.origin.chunkDelayMs = 1000
  const first = world.send(world.request(object))
  const second = world.send(world.request(object))
  await world.clock.advance(40)
  const answers = [await first, await second]
  t.match(headerValue(answers[1]!.headers, 'cache-status'), /collapsed/)
  const readers = answers.map(iterate)
  for (const reader of readers)
    t.equal((await reader.next()).value!.length, 16_384, 'the first piece is there at once')
  const rest = Promise.all(readers.map(remainder))
  for (const tail of await world.clock.until(rest)) t.strictSame(tail, bytes.subarray(16_384))
  t.equal(world.origin.requests.length, 1)
  t.equal(world.store.openWriters, 0)
})

t.test('a slow reader does not slow the fill or the others', async (t) => {
  const world = cacheWorld()
  const bytes = patterned(500_000)
  world.origin.put(object, bytes)
  const slow = world.send(world.request(object))
  const quick = await world.read(object)
  t.strictSame(quick.bytes, bytes)
  t.strictSame(world.store.keys, ['maps/app.js.map'], 'stored while the slow reader has read nothing')
  world.store.remove('maps/app.js.map')
  t.strictSame(
    await collect((await slow).body),
    bytes,
    'and it still gets every byte, though the entry is gone',
  )
  t.equal(world.store.openWriters, 0)
})

t.test('the first client leaving does not end a fill that others use', async (t) => {
  const world = cacheWorld()
  const bytes = patterned(200_000)
  world.origin.put(object, bytes)
  world.origin.chunkDelayMs = 10
  const leader = await world.clock.until(world.send(world.request(object)))
  const follower = world.send(world.request(object))
  const reader = iterate(leader)
  await reader.next()
  await reader.return?.()
  t.strictSame((await world.clock.until(follower.then(readAnswer))).bytes, bytes)
  t.equal(world.origin.requests.length, 1)
})

t.test('a HEAD is answered from a stored GET, and a cold HEAD is passed on as HEAD', async (t) => {
  const world = cacheWorld()
  world.origin.put(object, patterned(1000))
  const cold = await world.read(object, { method: 'HEAD' })
  t.equal(cold.status, 200)
  t.equal(cold.header('content-length'), '1000')
  t.strictSame(world.store.keys, [])
  await world.read(object)
  const hit = await world.read(object, { method: 'HEAD' })
  t.equal(hit.word, 'HIT')
  t.equal(hit.header('content-length'), '1000')
  t.equal(hit.bytes.length, 0)
  t.strictSame(world.origin.seen, [`HEAD ${object}`, `GET ${object}`])
})

t.test('requests that are not for an object pass byte for byte, with the reason named', async (t) => {
  const world = cacheWorld()
  const cases: [string, string, string][] = [
    ['GET', '/maps?list-type=2&prefix=a%2Fb', 'bucket-request'],
    ['GET', '/maps/key?acl', 'sub-resource'],
    ['POST', '/maps/key?uploads', 'method'],
    ['GET', '/maps/key?mystery=1', 'unknown-query'],
    ['DELETE', '/maps/key', 'method'],
  ]
  for (const [method, target, because] of cases) {
    const headers = ['x-AMZ-Meta-Odd', 'Kept  as it is']
    const answer = await world.read(target, { method, headers })
    t.equal(answer.cacheStatus.split('detail=')[1], because)
    t.equal(answer.word, 'BYPASS')
    const seen = world.origin.requests.at(-1)!
    t.equal(seen.target, target)
    t.strictSame(seen.headers, ['Host', 's3.test', ...headers])
  }
})

t.test('a PUT passes byte for byte and the object is read anew', async (t) => {
  const world = cacheWorld()
  world.origin.put(object, 'old')
  await world.read(object)
  const body = patterned(1000)
  const put = await world.read(object, { method: 'PUT', body: once(body) })
  t.equal(put.status, 200)
  t.strictSame(world.origin.requests.at(-1)!.receivedBody, body)
  t.strictSame((await world.read(object)).bytes, body)
})

t.test('a write whose outcome nobody knows forgets the object too', async (t) => {
  const world = cacheWorld()
  world.origin.put(object, 'old')
  await world.read(object)
  world.origin.mood = 'hang'
  t.equal((await world.read(object, { method: 'PUT', body: once(patterned(10)) })).status, 503)
  t.strictSame(world.store.keys, [])
})

t.test('a fill racing a PUT: the old body that arrives late is not stored', async (t) => {
  const world = cacheWorld()
  const old = patterned(100_000)
  world.origin.put(object, old)
  world.origin.chunkDelayMs = 100
  const racing = world.send(world.request(object)).then(readAnswer)
  await world.clock.advance(50)
  await world.read(object, { method: 'PUT', body: once(patterned(50)) })
  t.strictSame((await world.clock.until(racing)).bytes, old, 'who asked before the PUT may see the old body')
  t.strictSame(world.store.keys, [])
  t.strictSame((await world.read(object)).bytes, patterned(50))
  t.equal(world.store.openWriters, 0)
})

for (const [name, statedBytes] of [
  ['short', 1001],
  ['long', 999],
] as const) {
  t.test(`a body that is too ${name} is never stored and never ends cleanly`, async (t) => {
    const world = cacheWorld()
    world.origin.intercept = () => ({
      status: 200,
      headers: ['Content-Length', String(statedBytes)],
      body: once(patterned(1000)),
    })
    await t.rejects(world.read(object), { code: name === 'short' ? 'truncated' : 'overlong' })
    await settle()
    t.strictSame(world.store.keys, [])
    t.equal(world.store.openWriters, 0)
  })
}

t.test('an entry that turns out corrupt is fetched again before the first byte', async (t) => {
  const world = cacheWorld()
  const bytes = patterned(1000)
  world.origin.put(object, bytes)
  await world.read(object)
  world.store.badReads.set('maps/app.js.map', 'corrupt')
  const answer = await world.read(object)
  t.strictSame(answer.bytes, bytes)
  t.match(answer.cacheStatus, /detail=corrupt/)
  t.equal((await world.read(object)).word, 'HIT')
})

t.test('a store that refuses lets requests through uncached', async (t) => {
  const world = cacheWorld()
  const bytes = patterned(100_000)
  world.origin.put(object, bytes)
  world.store.refusal = { refused: 'store-unavailable' }
  const answers = await Promise.all([1, 2, 3].map(() => world.read(object)))
  for (const answer of answers) t.strictSame(answer.bytes, bytes)
  t.match(answers[0]!.cacheStatus, /detail=store-unavailable/)
})

t.test('403, 5xx and answers without a length are never stored', async (t) => {
  const world = cacheWorld()
  for (const [status, headers] of [
    [403, ['Content-Length', '5']],
    [500, ['Content-Length', '5']],
    [206, ['Content-Length', '5', 'Content-Range', 'bytes 0-4/5']],
    [200, []],
    [200, ['Content-Length', '5', 'Set-Cookie', 'a=b']],
    [200, ['Content-Length', '5', 'Cache-Control', 'private']],
  ] as const) {
    world.origin.intercept = () => ({ status, headers, body: once(patterned(5)) })
    t.equal((await world.read(object)).status, status)
    t.strictSame(world.store.keys, [], String(status))
  }
})

t.test('a joined request never gets the answer that another one was refused with', async (t) => {
  const world = cacheWorld()
  world.origin.put(object, patterned(10))
  world.origin.intercept = (asked) =>
    headerValue(asked.headers, 'x-credentials')
      ? undefined
      : { status: 403, headers: [], body: once(patterned(5)) }
  const stranger = world.send(world.request(object))
  const known = world.send(world.request(object, { headers: ['x-credentials', 'yes'] }))
  const [refused, allowed] = await world.clock.until(Promise.all([stranger, known]))
  t.equal(refused.status, 403)
  t.equal(allowed.status, 200)
})

t.test('what client and origin say under our header names is overwritten', async (t) => {
  const world = cacheWorld()
  world.origin.put(object, 'x', ['X-Cache-Status', 'HIT', 'Cache-Status', 'evil; hit', 'X-Backend', 'evil'])
  for (let i = 0; i < 2; i++) {
    const { headers } = await world.clock.until(world.send(world.request(object)))
    const values = headers.filter((_, at) =>
      /^(x-cache-status|cache-status|x-backend|via)$/i.test(headers[at - 1] ?? ''),
    )
    t.equal(values.length, 4)
    t.notMatch(values.join(), /evil/)
  }
})
