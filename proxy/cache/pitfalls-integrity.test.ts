// Answers and stored bytes that are not what they should be: what caching proxies get wrong, one test each.
import t from 'tap'
import { nodeDigests } from '../adapters/digests.ts'
import { ProxyError } from '../errors.ts'
import type { HeaderList } from '../object.ts'
import { iterate, once, remainder } from '../testing/bodies.ts'
import {
  cacheWorld,
  chunkBytes as chunk,
  slowKey as key,
  slowPath as object,
  readAnswer,
  slowWorld,
} from '../testing/cache-world.ts'
import { patterned, pieces } from '../testing/memory-origin.ts'
import { settle } from '../testing/virtual-clock.ts'
import { cacheDefaults } from './options.ts'

t.test(
  'Content-Length says 100 and 90 arrive, then a clean FIN, or more bytes come: never stored, the connection is dropped',
  async (t) => {
    const world = cacheWorld()
    const headers = ['Content-Length', '100']
    world.origin.intercept = () => ({ status: 200, headers, body: once(patterned(90)) })
    await t.rejects(world.read(object), { code: 'truncated' })
    world.origin.intercept = () => ({
      status: 200,
      headers,
      body: pieces([patterned(60), patterned(60)]),
    })
    const reader = iterate(await world.clock.until(world.send(world.request(object))))
    t.equal((await reader.next()).value?.length, 60)
    await t.rejects(reader.next(), { code: 'overlong' }, 'and nothing beyond its length is handed on')
    await settle()
    t.strictSame(world.store.keys, [])
    t.equal(world.store.openWriters, 0)
  },
)

t.test('an error document in a 200 is neither stored nor handed on', async (t) => {
  const document = ['Content-Type', 'application/xml', 'Content-Length', '100']
  const signsACondition = 'AWS4-HMAC-SHA256 Credential=AK/x, SignedHeaders=host;if-none-match, Signature=x'
  for (const headers of [[], ['Authorization', signsACondition]]) {
    const world = cacheWorld()
    world.origin.intercept = () => ({ status: 200, headers: document, body: once(patterned(100)) })
    const answer = await world.read(object, { headers })
    t.equal(answer.status, 502)
    t.match(answer.cacheStatus, /detail=error-document/)
    await settle()
    t.strictSame(world.store.keys, [])
    t.equal(world.store.openWriters, 0)
  }
})

t.test('an error document that comes once is asked past: the client gets the object', async (t) => {
  const world = cacheWorld()
  world.origin.put(object, 'fine')
  let asked = 0
  world.origin.intercept = () =>
    asked++ === 0
      ? { status: 200, headers: ['Content-Type', 'application/xml'], body: once('<Error/>') }
      : undefined
  t.strictSame((await world.read(object)).bytes, new TextEncoder().encode('fine'))
  t.equal(asked, 2)
})

t.test(
  'ENOSPC on write: current clients keep streaming from memory, the entry is dropped, requests never fail',
  async (t) => {
    const world = slowWorld(10)
    world.store.failAfterBytes = 4 * chunk
    const answers = await Promise.all(
      [1, 2, 3]
        .map(() => world.send(world.request(object)).then(readAnswer))
        .map((read) => world.clock.until(read)),
    )
    for (const answer of answers) t.strictSame(answer.bytes, world.bytes)
    t.strictSame(world.store.keys, [])
    t.equal(world.store.openWriters, 0)
  },
)

t.test('a range is continued past ENOSPC to its own end', async (t) => {
  const world = slowWorld(10)
  world.store.failAfterBytes = 4 * chunk
  const part = await world.read(object, { headers: ['Range', `bytes=100-${9 * chunk}`] })
  t.strictSame(part.bytes, world.bytes.subarray(100, 9 * chunk + 1))
})

const badHits = {
  corrupt: 'a checksum mismatch or a short file',
  'store-io': 'a read error',
  evicted: 'an eviction just then',
} as const
for (const [because, what] of Object.entries(badHits) as [keyof typeof badHits, string][]) {
  t.test(`${what} on a hit: before the first byte it is fetched again, transparently`, async (t) => {
    const world = cacheWorld()
    const bytes = patterned(1000)
    world.origin.put(object, bytes)
    await world.read(object)
    world.store.badReads.set(key, because)
    const answer = await world.read(object)
    t.equal(answer.status, 200)
    t.strictSame(answer.bytes, bytes)
    t.match(answer.cacheStatus, new RegExp(`detail=${because}`))
  })
}

const wrongSha = [
  'x-amz-checksum-sha256',
  'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=',
  'x-amz-checksum-type',
  'FULL_OBJECT',
]

/** A world whose origin sends `bytes` under the ETag of `right`, in chunks. */
function alteredWorld(right: Uint8Array, bytes: Uint8Array, headers: HeaderList = []) {
  const world = cacheWorld({}, { digests: nodeDigests })
  const { etag } = world.origin.put(object, right)
  world.origin.put('/maps/altered', bytes)
  const head = ['Content-Length', String(bytes.length), 'ETag', etag, ...headers]
  world.origin.intercept = async (asked) => {
    if (asked.target === '/maps/altered') return undefined
    const { body } = await world.origin.fetch({ ...asked, target: '/maps/altered', headers: [] })
    return { status: 200, headers: head, body }
  }
  return world
}

function flipped(bytes: Uint8Array, at: number): Uint8Array {
  const copy = bytes.slice()
  copy[at]! ^= 1
  return copy
}

t.test('a large body that is not what its digest says: cut before its last bytes, not stored', async (t) => {
  const right = patterned(200_000)
  for (const world of [alteredWorld(right, flipped(right, 500)), alteredWorld(right, right, wrongSha)]) {
    const reader = iterate(await world.clock.until(world.send(world.request(object))))
    await t.rejects(world.clock.until(remainder(reader)), { code: 'digest-mismatch' })
    t.strictSame(world.store.keys, [])
    t.equal(world.store.openWriters, 0)
  }
})

t.test(
  'a small body that is not what its digest says: nobody sees any of it, 502 when it comes twice',
  async (t) => {
    const right = patterned(1000)
    for (const world of [alteredWorld(right, flipped(right, 500)), alteredWorld(right, right, wrongSha)]) {
      const answer = await world.read(object)
      t.equal(answer.status, 502)
      t.match(answer.cacheStatus, /detail=digest-mismatch/)
      t.strictSame(world.store.keys, [])
      t.equal(world.store.openWriters, 0)
    }
  },
)

/** An object of several parts, whose ETag is no digest, with "hello world" under the checksums of its head. */
function multipartWorld(headers: HeaderList) {
  const world = cacheWorld({}, { digests: nodeDigests })
  const head = ['Content-Length', '11', 'ETag', '"5d41402abc4b2a76b9719d911017c592-3"', ...headers]
  world.origin.intercept = () => ({ status: 200, headers: head, body: once('hello world') })
  return world
}

t.test(
  'x-amz-checksum-crc64nvme and -crc32c of a whole object are checked, of its parts are not',
  async (t) => {
    const cases: [string, string, number][] = [
      ['crc64nvme', 'jSnVw/bqjr4=', 200],
      ['crc64nvme', 'jSnVw/bqjr8=', 502],
      ['crc32c', 'yZRlqg==', 200],
      ['crc32c', 'yZRlqw==', 502],
    ]
    for (const [algorithm, value, status] of cases) {
      const stated = [`x-amz-checksum-${algorithm}`, value, 'x-amz-checksum-type', 'FULL_OBJECT']
      t.equal((await multipartWorld(stated).read(object)).status, status, stated.join(' '))
    }
    const ofParts = ['x-amz-checksum-crc32c', 'AAAAAA==-3', 'x-amz-checksum-type', 'COMPOSITE']
    t.equal((await multipartWorld(ofParts).read(object)).status, 200)
  },
)

t.test('a wrong body whose length nobody stated is cut, not ended cleanly, and not stored', async (t) => {
  const world = cacheWorld({ profile: 'rfc9111' }, { digests: nodeDigests })
  const headers = ['Transfer-Encoding', 'chunked', 'Cache-Control', 'max-age=60', ...wrongSha]
  world.origin.intercept = () => ({ status: 200, headers, body: slow() })
  async function* slow() {
    yield patterned(1000)
    await world.clock.sleep(500)
    yield patterned(1000)
  }
  await t.rejects(world.read(object), { code: 'digest-mismatch' })
  t.strictSame(world.store.keys, [])
  t.equal(world.store.openWriters, 0)
})

t.test(
  'a small body that was altered on its way once is asked for again, and the client sees the right one',
  async (t) => {
    const right = patterned(1000)
    const world = alteredWorld(right, flipped(right, 500))
    const alter = world.origin.intercept!
    world.origin.intercept = (asked) => {
      if (asked.target === object) world.origin.intercept = null
      return alter(asked)
    }
    world.origin.put('/maps/altered', flipped(right, 500))
    t.strictSame((await world.read(object)).bytes, right)
    t.equal((await world.read(object)).word, 'HIT')
    t.equal(world.store.openWriters, 0)
  },
)

t.test('ENOSPC in a small body that is verified first: the client gets it all the same', async (t) => {
  const world = cacheWorld({}, { digests: nodeDigests })
  world.origin.put(object, patterned(40_000))
  world.store.failAfterBytes = 20_000
  t.strictSame((await world.read(object)).bytes, patterned(40_000))
  t.strictSame(world.store.keys, [])
  t.equal(world.store.openWriters, 0)
})

t.test('a store that can’t commit loses the entry, and no client notices', async (t) => {
  for (const bytes of [patterned(1000), patterned(200_000)]) {
    const world = cacheWorld({}, { digests: nodeDigests })
    world.origin.put(object, bytes)
    world.store.whileCommitting = () =>
      Promise.reject(new ProxyError('EIO', { code: 'store-io', source: 'store' }))
    t.strictSame((await world.read(object)).bytes, bytes)
    t.strictSame(world.store.keys, [])
    t.equal(world.store.openWriters, 0)
    t.equal(world.origin.requests.length, 1)
  }
})

t.test('ETags that are no MD5 are not taken for one: multipart, KMS, customer keys', async (t) => {
  for (const headers of [
    ['ETag', '"00000000000000000000000000000000-2"'],
    ['ETag', '"00000000000000000000000000000000"', 'x-amz-server-side-encryption', 'aws:kms'],
    ['x-amz-checksum-sha256', 'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=-2'],
    ['x-amz-checksum-crc32', 'AAAAAA==', 'x-amz-checksum-type', 'COMPOSITE'],
  ]) {
    const world = cacheWorld({}, { digests: nodeDigests })
    world.origin.intercept = () => ({
      status: 200,
      headers: ['Content-Length', '1000', ...headers],
      body: once(patterned(1000)),
    })
    t.strictSame((await world.read(object)).bytes, patterned(1000), headers.join(' '))
    t.equal((await world.read(object)).word, 'HIT')
  }
})

t.test('the cache directory is deleted or read-only at run time: pass-through', async (t) => {
  const world = cacheWorld()
  const bytes = patterned(100_000)
  world.origin.put(object, bytes)
  world.store.refusal = { refused: 'store-unavailable' }
  for (let i = 0; i < 3; i++) {
    const answer = await world.read(object)
    t.strictSame(answer.bytes, bytes)
    t.match(answer.cacheStatus, /detail=store-unavailable/)
  }
  world.store.refusal = null
  await world.clock.advance(cacheDefaults.fill.hitForMissMs)
  await world.read(object)
  t.equal((await world.read(object)).word, 'HIT', 'and the cache comes back by itself')
})

t.test('the same object is evicted while being read: the reader keeps its data', async (t) => {
  const world = slowWorld(10)
  const reader = iterate(await world.clock.until(world.send(world.request(object))))
  await world.clock.advance(2000)
  world.store.remove(key)
  t.strictSame(await remainder(reader), world.bytes)
})

t.test('a small body on a slow link is not held back for its digest until the client gives up', async (t) => {
  const world = cacheWorld({}, { digests: nodeDigests })
  const bytes = patterned(3 * chunk)
  world.origin.put(object, bytes)
  world.origin.chunkDelayMs = 1000
  const sent = world.send(world.request(object))
  await world.clock.advance(200)
  const reader = iterate(await sent)
  t.strictSame(await world.clock.until(remainder(reader)), bytes)
  t.equal(world.clock.pendingTimers, 0)
})
