// What caching proxies in front of S3 are known to get wrong, and what has to happen instead: one test each.
import t from 'tap'
import { nodeDigests } from '../adapters/digests.ts'
import { ProxyError } from '../errors.ts'
import { type HeaderList, headerValue } from '../object.ts'
import type { AccessRecord } from '../ports.ts'
import { iterate, once, remainder } from '../testing/bodies.ts'
import { type CacheWorld, cacheWorld, hourMs, readAnswer } from '../testing/cache-world.ts'
import { collect, patterned } from '../testing/memory-origin.ts'
import { settle } from '../testing/virtual-clock.ts'
import { cacheDefaults } from './options.ts'

const object = '/maps/app.js.map'
const key = 'maps/app.js.map'
const chunk = 16_384

/** A world whose object comes one chunk every 100 ms. */
function slowWorld(chunks: number, options: Parameters<typeof cacheWorld>[0] = {}, withBackup = false) {
  const world = cacheWorld(options, { withBackup })
  const bytes = patterned(chunks * chunk)
  for (const origin of [world.origin, world.backup]) {
    origin.put(object, bytes)
    origin.chunkDelayMs = 100
  }
  return { ...world, bytes }
}

const lastRequest = ({ origin }: Pick<CacheWorld, 'origin'>) => origin.requests.at(-1)!

t.test('two clients, a cold object of 1 GiB that takes 20 s: one upstream GET, both stream', async (t) => {
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
})

t.test('the leading client disconnects at 10 %: the follower is unaffected, no second GET', async (t) => {
  const world = slowWorld(20)
  const leading = world.request(object)
  const leader = iterate(await world.clock.until(world.send(leading)))
  const follower = world.send(world.request(object)).then(readAnswer)
  await leader.next()
  await leader.return?.()
  leading.leave()
  t.strictSame((await world.clock.until(follower)).bytes, world.bytes)
  t.equal(world.origin.requests.length, 1)
})

t.test(
  'all clients leave: the prefix is kept, and the next request continues with Range and If-Match',
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

for (const how of ['reset', 'stall'] as const) {
  t.test(`the upstream breaks mid-body by a ${how}: resumed on the same, every byte once`, async (t) => {
    const world = slowWorld(10)
    if (how === 'reset') world.origin.cutAfterBytes = 3 * chunk
    else world.origin.stallAfterBytes = 3 * chunk
    const reading = world.send(world.request(object)).then(readAnswer)
    await world.clock.advance(400)
    world.origin.cutAfterBytes = null
    world.origin.stallAfterBytes = null
    t.strictSame((await world.clock.until(reading)).bytes, world.bytes)
    t.equal(headerValue(lastRequest(world).headers, 'range'), `bytes=${3 * chunk}-`)
    t.equal((await world.read(object)).word, 'HIT')
  })
}

t.test('the upstream breaks mid-body and stays away: resumed on the backup', async (t) => {
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
  'the object changed meanwhile: the connection is cut, never ended cleanly, and the entry discarded',
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
  'Content-Length says 100, 90 arrive, then a clean end: never stored, the connection is dropped',
  async (t) => {
    const world = cacheWorld()
    const headers = ['Content-Length', '100']
    world.origin.intercept = () => ({ status: 200, headers, body: once(patterned(90)) })
    await t.rejects(world.read(object), { code: 'truncated' })
    world.origin.intercept = () => ({ status: 200, headers, body: once(patterned(110)) })
    await t.rejects(world.read(object), { code: 'overlong' })
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

t.test('response headers without measure: 502, not stored', async (t) => {
  const world = cacheWorld()
  world.origin.intercept = () => {
    throw new ProxyError('headers too long', { code: 'bad-header', source: 'origin' })
  }
  t.equal((await world.read(object)).status, 502)
  t.strictSame(world.store.keys, [])
})

t.test(
  'ENOSPC while writing: current clients get every byte, the entry is dropped, no request fails',
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

for (const because of ['corrupt', 'store-io', 'evicted'] as const) {
  t.test(`a hit that can't be read (${because}): fetched again before the first byte`, async (t) => {
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

t.test('the store is unavailable at run time: pass-through, no request fails', async (t) => {
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

t.test('the same object is removed while being read: the reader keeps its data', async (t) => {
  const world = slowWorld(10)
  const reader = iterate(await world.clock.until(world.send(world.request(object))))
  await world.clock.advance(2000)
  world.store.remove(key)
  t.strictSame(await remainder(reader), world.bytes)
})

t.test(
  'a fill racing a PUT: GET starts, PUT completes, the old body arrives: it must not be stored',
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
  'the clock jumps back: ages are never negative, and what seems to come from the future is validated',
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
  },
)

t.test(
  '503 SlowDown: no storm of refreshes, Retry-After is heeded and passed on, stale is served',
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

t.test('the origin is down and the object not stored: a fast 503 with Retry-After, no hang', async (t) => {
  const world = cacheWorld({ deadlineMs: 500 })
  world.origin.mood = 'hang'
  world.origin.firstByteTimeoutMs = 30_000
  const startMs = world.clock.monotonicMs()
  const answer = await world.read(object)
  t.equal(answer.status, 503)
  t.match(answer.header('retry-after'), /^\d+$/)
  t.equal(world.clock.monotonicMs() - startMs, 500)
})

t.test(
  'hop-by-hop headers, and those that Connection names, go neither to the origin nor into the store',
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

t.test('a GET with a body is refused: the body would be ignored for the key', async (t) => {
  const world = cacheWorld()
  const answer = await world.read(object, { body: once('fat') })
  t.equal(answer.status, 400)
  t.equal(world.origin.requests.length, 0)
})

t.test('an upstream 400 for an odd header is never stored', async (t) => {
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

t.test('CORS: what S3 answers to an Origin is kept apart from what it answers without one', async (t) => {
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
  'a 304 to the cache’s own question never reaches a client that asked without conditions',
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

t.test('hits carry an Age, computed, and the Date of the origin', async (t) => {
  const world = cacheWorld()
  const date = new Date(world.clock.wallMs()).toUTCString()
  world.origin.put(object, 'x', ['Date', date, 'Age', '7'])
  await world.read(object)
  await world.clock.advance(90_000)
  const hit = await world.read(object)
  t.equal(hit.header('age'), '97')
  t.equal(hit.header('date'), date)
})

t.test('secrets reach neither logs, nor access records, nor the store', async (t) => {
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

t.test('X-Cache-Status can’t be spoofed, by the origin or by the client', async (t) => {
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

t.test('a client that leaves an uncached answer ends the upstream body', async (t) => {
  const world = cacheWorld()
  world.origin.put(object, patterned(10 * chunk), ['Set-Cookie', 'a=b'])
  world.origin.chunkDelayMs = 100
  const reader = iterate(await world.clock.until(world.send(world.request(object))))
  await reader.next()
  await reader.return?.()
  t.ok(world.origin.requests[0]!.cancelled)
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
