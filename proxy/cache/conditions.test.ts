// Ranges and conditions, answered from an entry and from a growing fill as S3 answers them.
import t from 'tap'
import { type HeaderList, headerValue } from '../object.ts'
import { iterate, once, remainder } from '../testing/bodies.ts'
import { cacheWorld, hourMs, readAnswer } from '../testing/cache-world.ts'
import { patterned } from '../testing/memory-origin.ts'
import { cacheDefaults } from './options.ts'

const object = '/maps/app.js.map'
const bytes = patterned(1000)

async function warmWorld() {
  const world = cacheWorld()
  const { etag, lastModified } = world.origin.put(object, bytes, [
    'Cache-Control',
    'max-age=9',
    'x-amz-checksum-crc32',
    'AAAAAA==',
    'x-amz-meta-kept',
    'yes',
  ])
  await world.read(object)
  return { ...world, etag, lastModified }
}

t.test('ranges of a stored object', async (t) => {
  const world = await warmWorld()
  const cases: [string, number, string | undefined, Uint8Array | null][] = [
    ['bytes=0-0', 206, 'bytes 0-0/1000', bytes.subarray(0, 1)],
    ['bytes=100-199', 206, 'bytes 100-199/1000', bytes.subarray(100, 200)],
    ['bytes=990-', 206, 'bytes 990-999/1000', bytes.subarray(990)],
    ['bytes=990-5000', 206, 'bytes 990-999/1000', bytes.subarray(990)],
    ['bytes=-10', 206, 'bytes 990-999/1000', bytes.subarray(990)],
    ['bytes=-5000', 206, 'bytes 0-999/1000', bytes],
    ['bytes=1000-', 416, 'bytes */1000', null],
    ['bytes=-0', 416, 'bytes */1000', null],
    ['bytes=0-1,5-6', 200, undefined, bytes],
    ['bytes=9-5', 200, undefined, bytes],
    ['pages=1-2', 200, undefined, bytes],
    ['bytes=a-b', 200, undefined, bytes],
  ]
  for (const [range, status, contentRange, body] of cases) {
    const answer = await world.read(object, { headers: ['Range', range] })
    t.equal(answer.status, status, range)
    t.equal(answer.header('content-range'), contentRange, range)
    if (body) t.strictSame(answer.bytes, body, range)
    if (body) t.equal(answer.header('content-length'), String(body.length), range)
    if (status === 206)
      t.equal(answer.header('x-amz-checksum-crc32'), undefined, 'no digest of the whole on a part')
    if (status === 416) t.match(new TextDecoder().decode(answer.bytes), '<Code>InvalidRange</Code>')
    t.equal(answer.word, 'HIT')
  }
  t.equal(world.origin.requests.length, 1)
})

t.test('any range of an empty object is unsatisfiable', async (t) => {
  const world = cacheWorld()
  world.origin.put(object, '')
  await world.read(object)
  t.equal((await world.read(object, { headers: ['Range', 'bytes=0-'] })).status, 416)
})

t.test('HEAD with a range has the part’s head and no body', async (t) => {
  const world = await warmWorld()
  const answer = await world.read(object, { method: 'HEAD', headers: ['Range', 'bytes=0-9'] })
  t.equal(answer.status, 206)
  t.equal(answer.header('content-length'), '10')
  t.equal(answer.bytes.length, 0)
})

t.test('conditions, from the entry', async (t) => {
  const world = await warmWorld()
  const { etag, lastModified } = world
  const earlier = new Date(Date.parse(lastModified) - 1000).toUTCString()
  const cases: [HeaderList, number][] = [
    [['If-None-Match', etag], 304],
    [['If-None-Match', `W/${etag}`], 304],
    [['If-None-Match', `"other", ${etag}`], 304],
    [['If-None-Match', '*'], 304],
    [['If-None-Match', etag.replaceAll('"', '')], 304],
    [['If-None-Match', '"other"'], 200],
    [['If-None-Match', '"other"', 'If-Modified-Since', lastModified], 200],
    [['If-None-Match', etag, 'If-Modified-Since', earlier], 304],
    [['If-Modified-Since', lastModified], 304],
    [['If-Modified-Since', earlier], 200],
    [['If-Modified-Since', 'yesterday'], 200],
    [['If-Match', etag], 200],
    [['If-Match', '*'], 200],
    [['If-Match', '"other"'], 412],
    [['If-Match', `W/${etag}`], 412],
    [['If-Match', etag, 'If-Unmodified-Since', earlier], 200],
    [['If-Unmodified-Since', earlier], 412],
    [['If-Unmodified-Since', lastModified], 200],
    [['If-Match', '"other"', 'If-None-Match', etag], 412],
    [['If-Range', etag, 'Range', 'bytes=0-1'], 206],
    [['If-Range', '"other"', 'Range', 'bytes=0-1'], 200],
    [['If-Range', `W/${etag}`, 'Range', 'bytes=0-1'], 200],
    [['If-Range', lastModified, 'Range', 'bytes=0-1'], 206],
    [['If-Range', earlier, 'Range', 'bytes=0-1'], 200],
    [['If-Match', '"other"', 'Range', 'bytes=0-1'], 412],
    [['If-None-Match', etag, 'Range', 'bytes=0-1'], 304],
  ]
  for (const [headers, status] of cases) {
    for (const method of ['GET', 'HEAD']) {
      const answer = await world.read(object, { method, headers })
      t.equal(answer.status, status, `${method} ${headers.join(' ')}`)
      if (status !== 200 && status !== 206 && method === 'HEAD') t.equal(answer.bytes.length, 0)
    }
  }
  t.equal(world.origin.requests.length, 1)
})

t.test('a 304 carries the validators and caching headers, and no length', async (t) => {
  const world = await warmWorld()
  const answer = await world.read(object, { headers: ['If-None-Match', world.etag] })
  t.equal(answer.header('etag'), world.etag)
  t.equal(answer.header('last-modified'), world.lastModified)
  t.equal(answer.header('cache-control'), 'max-age=9')
  for (const name of ['content-length', 'x-amz-meta-kept', 'content-range'])
    t.equal(answer.header(name), undefined)
  t.equal(answer.word, 'HIT')
})

t.test(
  'a cold range fetches the whole object once and answers from its prefix as soon as that is there',
  async (t) => {
    const world = cacheWorld()
    const whole = patterned(20 * 16_384)
    world.origin.put(object, whole)
    world.origin.chunkDelayMs = 1000
    const part = world.send(world.request(object, { headers: ['Range', 'bytes=10-99'] })).then(readAnswer)
    await world.clock.advance(40)
    const answer = await part
    t.equal(answer.status, 206)
    t.strictSame(answer.bytes, whole.subarray(10, 100))
    t.equal(headerValue(world.origin.requests[0]!.headers, 'range'), undefined)
    const behind = iterate(await world.send(world.request(object, { headers: ['Range', 'bytes=-100'] })))
    t.strictSame(await world.clock.until(remainder(behind)), whole.subarray(-100))
    t.equal(world.origin.requests.length, 1)
    t.equal(world.store.openWriters, 0)
  },
)

t.test('a cold condition is answered from the head of the fill', async (t) => {
  const world = cacheWorld()
  const { etag } = world.origin.put(object, bytes)
  t.equal((await world.read(object, { headers: ['If-None-Match', etag] })).status, 304)
  t.equal((await world.read(object)).word, 'HIT', 'and the object is stored')
  t.equal(headerValue(world.origin.requests[0]!.headers, 'if-none-match'), undefined)
})

t.test('a range far ahead of the fill is fetched for itself', async (t) => {
  const world = cacheWorld({ fill: { ...cacheDefaults.fill, rangeWindowBytes: 50_000, finishBytes: 0 } })
  const whole = patterned(20 * 16_384)
  world.origin.put(object, whole)
  world.origin.chunkDelayMs = 1000
  const headers = ['Range', 'bytes=200000-200009']
  const first = await world.read(object, { headers })
  t.strictSame(first.bytes, whole.subarray(200_000, 200_010))
  t.match(first.cacheStatus, /detail=range-ahead-of-fill/)
  const asked = world.origin.requests.length
  await world.clock.advance(cacheDefaults.fill.prefixKeepMs + 2000)
  world.cache.handle(world.request(object, { headers }))
  t.equal(world.origin.requests.length, asked + 1)
})

t.test('what is not stored is answered as it was asked for, the first time too', async (t) => {
  const cases: [HeaderList, number, Uint8Array | null][] = [
    [['Range', 'bytes=10-19'], 206, bytes.subarray(10, 20)],
    [['If-Match', '"other"'], 412, null],
    [[], 200, bytes],
  ]
  for (const [headers, status, body] of cases) {
    const world = cacheWorld()
    world.origin.put(object, bytes, ['Cache-Control', 'no-store'])
    for (const turn of ['first', 'second']) {
      const answer = await world.read(object, { headers })
      t.equal(answer.status, status, `${turn} ${headers.join(' ')}`)
      if (body) t.strictSame(answer.bytes, body)
    }
  }
})

t.test('a fill that is under way answers a HEAD', async (t) => {
  const world = cacheWorld()
  world.origin.put(object, patterned(100_000))
  world.origin.chunkDelayMs = 100
  const get = world.send(world.request(object)).then(readAnswer)
  const head = await world.read(object, { method: 'HEAD' })
  t.equal(head.header('content-length'), '100000')
  t.equal(head.bytes.length, 0)
  await world.clock.until(get)
  t.strictSame(world.origin.seen, [`GET ${object}`])
})

t.test('a HEAD of an expired entry validates it, or finds that it is outdated', async (t) => {
  const world = cacheWorld({ useStale: ['error', 'timeout'] })
  world.origin.put(object, bytes)
  await world.read(object)
  await world.clock.advance(2 * hourMs)
  t.equal((await world.read(object, { method: 'HEAD' })).word, 'REVALIDATED')
  t.equal((await world.read(object)).word, 'HIT')
  await world.clock.advance(2 * hourMs)
  world.origin.put(object, patterned(5, 2))
  t.equal((await world.read(object, { method: 'HEAD' })).header('content-length'), '5')
  t.strictSame(world.store.keys, [])
})

t.test('404 is kept for its own short time, undone by a PUT seen, and never served stale', async (t) => {
  const valid = [
    { prefix: '', status: 200, timeMs: hourMs },
    { prefix: '', status: 404, timeMs: 60_000 },
  ]
  const world = cacheWorld({ valid })
  t.equal((await world.read(object)).word, 'MISS')
  const negative = await world.read(object, { headers: ['Range', 'bytes=0-1', 'If-None-Match', '*'] })
  t.equal(negative.word, 'HIT')
  t.equal(negative.status, 404, 'conditions and ranges are for objects that are there')
  t.match(new TextDecoder().decode(negative.bytes), 'NoSuchKey')
  t.equal((await world.read(object, { method: 'HEAD' })).status, 404)
  world.origin.mood = 'refused'
  await world.clock.advance(61_000)
  t.equal((await world.read(object)).status, 503)
  world.origin.mood = 'ok'
  await world.clock.advance(2000)
  await world.read(object)
  t.equal((await world.read(object)).word, 'HIT')
  await world.read(object, {
    method: 'PUT',
    body: (async function* () {
      yield bytes
    })(),
  })
  t.strictSame((await world.read(object)).bytes, bytes)
})

t.test('a refresh that finds the object gone, or no longer storable, ends the entry', async (t) => {
  for (const gone of [true, false]) {
    const world = await warmWorld()
    await world.clock.advance(2 * hourMs)
    if (gone) world.origin.objects.delete(object)
    else world.origin.put(object, patterned(5, 2), ['Cache-Control', 'no-store'])
    t.equal((await world.read(object)).word, 'STALE')
    await world.clock.advance(100)
    t.strictSame(world.store.keys, [])
    t.equal((await world.read(object)).status, gone ? 404 : 200)
  }
})

t.test('a HEAD answered 200 with the ETag that is stored renews the entry', async (t) => {
  const world = await warmWorld()
  await world.clock.advance(2 * hourMs)
  const headers = ['ETag', world.etag, 'Content-Length', '1000']
  world.origin.intercept = () => ({ status: 200, headers, body: once('') })
  t.equal((await world.read(object, { method: 'HEAD' })).word, 'STALE')
  await world.clock.advance(100)
  t.equal((await world.read(object)).word, 'HIT')
})
