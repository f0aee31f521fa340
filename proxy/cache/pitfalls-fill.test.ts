// Fetching one object for many clients through breaks, leavers and writes: what caching proxies get wrong, one test each.
import t from 'tap'
import { headerValue } from '../object.ts'
import { iterate, once, remainder } from '../testing/bodies.ts'
import {
  type CacheWorld,
  cacheWorld,
  chunkBytes as chunk,
  slowKey as key,
  slowPath as object,
  readAnswer,
  slowWorld,
} from '../testing/cache-world.ts'
import { patterned } from '../testing/memory-origin.ts'
import { cacheDefaults } from './options.ts'

const lastRequest = ({ origin }: Pick<CacheWorld, 'origin'>) => origin.requests.at(-1)!

t.test(
  'two clients, a cold object, a fill of 20 s: one upstream GET, both stream, the second one’s first byte at once',
  async (t) => {
    const world = slowWorld(200)
    const first = world.send(world.request(object))
    await world.clock.advance(10_000)
    const second = iterate(await world.send(world.request(object)))
    t.equal(
      (await second.next()).value?.length,
      8 * chunk,
      'the second one reads what has arrived, without waiting',
    )
    const rest = remainder(second)
    t.strictSame((await world.clock.until(first.then(readAnswer))).bytes, world.bytes)
    t.strictSame(await world.clock.until(rest), world.bytes.subarray(8 * chunk))
    t.equal(world.origin.requests.length, 1)
  },
)

t.test('the leading client disconnects at 10 %: the follower is unaffected, no second GET', async (t) => {
  const world = slowWorld(20)
  const leading = world.request(object)
  const leader = iterate(await world.clock.until(world.send(leading)))
  const follower = world.send(world.request(object)).then(readAnswer)
  for (let chunks = 0; chunks < 2; chunks++) await world.clock.until(leader.next())
  await leader.return?.()
  leading.leave()
  t.strictSame((await world.clock.until(follower)).bytes, world.bytes)
  t.equal(world.origin.requests.length, 1)
})

t.test(
  'all clients leave: the abort policy applies, the prefix is kept, and the next request sends Range and If-Match',
  async (t) => {
    const fill = { ...cacheDefaults.fill, finishBytes: chunk, finishRatio: 0.9 }
    const world = slowWorld(20, { fill })
    const leader = iterate(await world.clock.until(world.send(world.request(object))))
    await leader.next()
    await leader.return?.()
    await world.clock.advance(1000)
    t.ok(world.origin.requests[0]!.cancelled, 'the origin is not read further')
    const kept = world.origin.requests[0]!.sentBytes
    t.strictSame((await world.read(object)).bytes, world.bytes)
    t.equal(headerValue(lastRequest(world).headers, 'range'), `bytes=${kept}-`)
    t.equal(headerValue(lastRequest(world).headers, 'if-match'), world.origin.objects.get(object)!.etag)
    t.equal((await world.read(object)).word, 'HIT')
    t.equal(world.store.openWriters, 0)
  },
)

t.test('all clients leave when most has arrived: the fill is finished', async (t) => {
  const fill = { ...cacheDefaults.fill, finishBytes: 0, finishRatio: 0.5 }
  const world = slowWorld(10, { fill })
  const leader = iterate(await world.clock.until(world.send(world.request(object))))
  await world.clock.advance(600)
  await leader.return?.()
  await world.clock.advance(1000)
  t.strictSame(world.store.keys, [key])
  t.equal(world.store.openWriters, 0)
})

t.test('a prefix that nobody comes back for is given up', async (t) => {
  const fill = { ...cacheDefaults.fill, finishBytes: 0, finishRatio: 1, prefixKeepMs: 5000 }
  const world = slowWorld(10, { fill })
  const leader = iterate(await world.clock.until(world.send(world.request(object))))
  await leader.return?.()
  await world.clock.advance(10_000)
  t.strictSame(world.store.keys, [])
  t.equal(world.store.openWriters, 0)
  t.equal(world.cache.state().fills, 0)
})

const breaks: Record<string, (world: ReturnType<typeof slowWorld>) => void> = {
  'the upstream resets mid-body': ({ origin }) => {
    origin.cutAfterBytes = 3 * chunk
  },
  'the upstream ends early mid-body, with a FIN': ({ origin, bytes }) => {
    const head = ['ETag', origin.objects.get(object)!.etag, 'Content-Length', String(bytes.length)]
    origin.intercept = () => ({ status: 200, headers: head, body: once(bytes.subarray(0, 3 * chunk)) })
  },
  'the upstream stalls mid-body for longer than the time between bytes': ({ origin }) => {
    origin.stallAfterBytes = 3 * chunk
  },
}
for (const [how, spoil] of Object.entries(breaks)) {
  t.test(`${how}: resumed on the same, every byte once`, async (t) => {
    const world = slowWorld(10)
    spoil(world)
    const reading = world.send(world.request(object)).then(readAnswer)
    await world.clock.advance(how.includes('FIN') ? 33 : 400)
    world.origin.cutAfterBytes = null
    world.origin.stallAfterBytes = null
    world.origin.intercept = null
    t.strictSame((await world.clock.until(reading)).bytes, world.bytes)
    t.equal(headerValue(lastRequest(world).headers, 'range'), `bytes=${3 * chunk}-`)
    t.equal((await world.read(object)).word, 'HIT')
  })
}

t.test('the upstream breaks mid-body and stays away: resumed on the same, then on the backup', async (t) => {
  const world = slowWorld(10, {}, true)
  const reading = world.send(world.request(object)).then(readAnswer)
  await world.clock.advance(350)
  world.origin.mood = 'refused'
  t.strictSame((await world.clock.until(reading)).bytes, world.bytes)
  t.equal(world.backup.requests.length, 1)
  t.match(headerValue(world.backup.requests[0]!.headers, 'range'), /^bytes=\d+-$/)
  t.equal((await world.read(object)).word, 'HIT')
})

t.test('a body that breaks every time the same way is continued on the backup', async (t) => {
  const world = slowWorld(10, {}, true)
  world.origin.cutAfterBytes = chunk
  t.strictSame((await world.read(object)).bytes, world.bytes)
  t.ok(world.backup.requests.length > 0)
})

t.test(
  'the ETag changed when a broken body is resumed: the client’s connection is cut, never a clean end, and the entry discarded',
  async (t) => {
    const world = slowWorld(10)
    world.origin.cutAfterBytes = 3 * chunk
    const reading = world.send(world.request(object)).then(readAnswer)
    reading.catch(() => {})
    await world.clock.advance(150)
    world.origin.put(object, patterned(10 * chunk, 2))
    await t.rejects(world.clock.until(reading), { code: 'object-changed' })
    t.strictSame(world.store.keys, [])
    t.equal(world.store.openWriters, 0)
  },
)

t.test('an origin that breaks every body is given up after a bounded number of continuations', async (t) => {
  const world = slowWorld(10)
  world.origin.cutAfterBytes = 0
  await t.rejects(world.read(object), { code: 'reset' })
  t.equal(world.origin.requests.length, 1 + cacheDefaults.fill.resumes)
  t.equal(world.store.openWriters, 0)
})

t.test(
  'a fill racing a PUT: the GET starts, the PUT completes, the GET’s old body arrives: it must not be stored',
  async (t) => {
    const world = slowWorld(10)
    const racing = world.send(world.request(object)).then(readAnswer)
    await world.clock.advance(50)
    await world.read(object, { method: 'PUT', body: once('new') })
    t.strictSame((await world.clock.until(racing)).bytes, world.bytes)
    t.strictSame(world.store.keys, [])
    t.strictSame((await world.read(object)).bytes, new TextEncoder().encode('new'))
  },
)

t.test(
  'a PUT that completes while a fill is being committed: the old entry does not survive it',
  async (t) => {
    const world = cacheWorld()
    world.origin.put(object, 'old')
    world.store.whileCommitting = () => {
      world.store.whileCommitting = null
      return world.send(world.request(object, { method: 'PUT', body: once('new') }))
    }
    await world.read(object)
    await world.clock.advance(100)
    t.strictSame(world.store.keys, [])
  },
)

t.test('a GET after a PUT never joins a fetch that began before it', async (t) => {
  const world = slowWorld(20)
  const racing = world.send(world.request(object)).then(readAnswer)
  await world.clock.advance(50)
  await world.read(object, { method: 'PUT', body: once('new') })
  const after = world.send(world.request(object)).then(readAnswer)
  t.strictSame((await world.clock.until(after)).bytes, new TextEncoder().encode('new'))
  await world.clock.until(racing)
  t.strictSame((await world.read(object)).bytes, new TextEncoder().encode('new'))
})

t.test('the continuation of a body has another ETag: cut, though the origin answered 206', async (t) => {
  const world = slowWorld(10)
  world.origin.cutAfterBytes = 3 * chunk
  world.origin.intercept = (asked) => {
    if (headerValue(asked.headers, 'range') === undefined) return undefined
    const headers = ['ETag', '"other"', 'Content-Range', `bytes ${3 * chunk}-${10 * chunk - 1}/${10 * chunk}`]
    return { status: 206, headers, body: once(patterned(7 * chunk, 2)) }
  }
  await t.rejects(world.read(object), { code: 'object-changed' })
  t.strictSame(world.store.keys, [])
})

t.test('the one whose request was refused has left: those who joined ask for themselves', async (t) => {
  const world = cacheWorld()
  world.origin.put(object, patterned(10))
  world.origin.latencyMs = 1000
  world.origin.intercept = (asked) =>
    headerValue(asked.headers, 'x-credentials') ? undefined : { status: 403, headers: [], body: once('no') }
  const stranger = world.send(world.request(object))
  await world.clock.advance(500)
  world.origin.latencyMs = 10
  const known = world.send(world.request(object, { headers: ['x-credentials', 'yes'] }))
  t.equal((await world.clock.until(stranger)).status, 503)
  t.equal((await world.clock.until(known)).status, 200)
})

t.test('a client that leaves an uncached answer ends the upstream body', async (t) => {
  const world = cacheWorld()
  world.origin.put(object, patterned(10 * chunk), ['Set-Cookie', 'a=b'])
  world.origin.chunkDelayMs = 100
  const reader = iterate(await world.clock.until(world.send(world.request(object))))
  await reader.next()
  await reader.return?.()
  t.ok(world.origin.requests[0]!.cancelled)
})

t.test('a drain waits for what clients read, and not for prefixes that wait for a client', async (t) => {
  const fill = { ...cacheDefaults.fill, finishBytes: 0, finishRatio: 1 }
  const world = slowWorld(10, { fill })
  world.origin.put('/maps/other', world.bytes)
  const leaver = iterate(await world.clock.until(world.send(world.request(object))))
  await leaver.return?.()
  await world.clock.advance(300)
  const reading = world.send(world.request('/maps/other')).then(readAnswer)
  await world.clock.advance(100)
  const startMs = world.clock.monotonicMs()
  await world.clock.until(world.cache.drain())
  t.ok(world.clock.monotonicMs() - startMs < 2000)
  t.strictSame((await world.clock.until(reading)).bytes, world.bytes)
  t.equal(world.cache.state().fills, 0)
  t.equal(world.store.openWriters, 0)
})

t.test('a client that comes while an abandoned body is being closed is not forgotten', async (t) => {
  const fill = { ...cacheDefaults.fill, finishBytes: 0, finishRatio: 1 }
  const world = slowWorld(4, { fill })
  const head = ['ETag', world.origin.objects.get(object)!.etag, 'Content-Length', String(4 * chunk)]
  world.origin.intercept = (asked) =>
    headerValue(asked.headers, 'range') ? undefined : { status: 200, headers: head, body: slowToClose() }
  async function* slowToClose() {
    try {
      for (let i = 0; i < 4; i++) {
        await world.clock.sleep(100)
        yield world.bytes.subarray(i * chunk, (i + 1) * chunk)
      }
    } finally {
      await world.clock.sleep(500)
    }
  }
  const leaver = iterate(await world.clock.until(world.send(world.request(object))))
  await leaver.return?.()
  await world.clock.advance(300)
  const startMs = world.clock.monotonicMs()
  t.strictSame((await world.read(object)).bytes, world.bytes)
  t.ok(world.clock.monotonicMs() - startMs < 2000)
})
