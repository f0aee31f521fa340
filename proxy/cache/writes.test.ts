// What writes through the proxy do to what it has stored.
import t from 'tap'
import { headerValue } from '../object.ts'
import type { AccessRecord } from '../ports.ts'
import { once } from '../testing/bodies.ts'
import { type CacheWorld, cacheWorld, readAnswer } from '../testing/cache-world.ts'
import { patterned } from '../testing/memory-origin.ts'

const object = '/maps/app.js.map'
const key = 'maps/app.js.map'

async function warm(world: CacheWorld, ...paths: string[]) {
  for (const path of paths) {
    if (!world.origin.objects.has(path.split('?')[0]!)) world.origin.put(path.split('?')[0]!, patterned(10))
    await world.read(path)
  }
}

const fine = () => ({ status: 200, headers: ['Content-Length', '2'], body: once('ok') })

t.test('writes that change an object forget it, others leave it', async (t) => {
  const cases: [string, string, boolean, string[]?][] = [
    ['PUT', object, true],
    ['DELETE', object, true],
    ['DELETE', `${object}?versionId=1`, true],
    ['PUT', object, true, ['x-amz-copy-source', '/maps/other']],
    ['PUT', `${object}?acl`, true],
    ['PUT', `${object}?tagging`, true],
    ['POST', `${object}?uploadId=1`, true],
    ['POST', `${object}?restore`, true],
    ['PUT', `${object}?partNumber=1&uploadId=1`, false],
    ['DELETE', `${object}?uploadId=1`, false],
    ['PUT', '/maps/another', false],
    ['OPTIONS', object, false],
  ]
  for (const [method, target, forgotten, headers = []] of cases) {
    const world = cacheWorld()
    await warm(world, object)
    world.origin.intercept = fine
    t.equal((await world.read(target, { method, headers })).status, 200)
    t.equal(world.store.lookup(key) === undefined, forgotten, `${method} ${target}`)
  }
})

t.test('a write that S3 refuses leaves the entry; one that may have acted does not', async (t) => {
  for (const [status, forgotten] of [
    [403, false],
    [412, false],
    [307, false],
    [500, true],
    [503, true],
  ] as const) {
    const world = cacheWorld()
    await warm(world, object)
    world.origin.intercept = () => ({ status, headers: [], body: once('x') })
    t.equal((await world.read(object, { method: 'PUT', body: once('new') })).status, status)
    t.equal(world.store.lookup(key) === undefined, forgotten, String(status))
  }
})

t.test(
  'a completed multipart upload that reports an error in a 200 forgets the object all the same',
  async (t) => {
    const world = cacheWorld()
    await warm(world, object)
    world.origin.intercept = () => ({
      status: 200,
      headers: [],
      body: once('<Error><Code>InternalError</Code></Error>'),
    })
    const answer = await world.read(`${object}?uploadId=1`, { method: 'POST', body: once('<parts/>') })
    t.match(new TextDecoder().decode(answer.bytes), 'InternalError')
    t.strictSame(world.store.keys, [])
  },
)

t.test('a multi-object delete forgets the keys in its body, however they are spelled there', async (t) => {
  const paths = [
    '/maps/plain',
    '/maps/a%26b',
    '/maps/with%20space',
    '/maps/u/%C3%A9',
    '/maps/kept',
    '/maps/a%2Bb',
  ]
  const world = cacheWorld()
  await warm(world, ...paths)
  world.origin.intercept = fine
  const body =
    '<?xml version="1.0"?><Delete xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Object><Key>plain</Key></Object>' +
    '<Object><Key>a&amp;b</Key><VersionId>1</VersionId></Object><Object><Key>with space</Key></Object>' +
    '<Object><Key>u/&#xE9;</Key></Object><Object><Key><![CDATA[a+b]]></Key></Object></Delete>'
  const pieces = (async function* () {
    const all = new TextEncoder().encode(body)
    for (let at = 0; at < all.length; at += 7) yield all.subarray(at, at + 7)
  })()
  await world.read('/maps?delete', { method: 'POST', body: pieces })
  t.strictSame(world.store.keys, ['maps/kept'])
  t.equal(
    new TextDecoder().decode(world.origin.requests.at(-1)!.receivedBody),
    body,
    'and passes byte for byte',
  )
})

t.test('a multi-object delete in aws-chunked framing is read through the framing', async (t) => {
  const world = cacheWorld()
  await warm(world, '/maps/one', '/maps/two')
  world.origin.intercept = fine
  const framed =
    '16;chunk-signature=ab\r\n<Delete><Object><Key>o\r\n8\r\nne</Key>\r\n0\r\nx-amz-trailer:1\r\n\r\n'
  const headers = ['Content-Encoding', 'aws-chunked']
  await world.read('/maps?delete', { method: 'POST', headers, body: once(framed) })
  t.strictSame(world.store.keys, ['maps/two'])
})

t.test('a browser’s form names its object in S3’s answer', async (t) => {
  const world = cacheWorld()
  await warm(world, object)
  world.origin.intercept = () => ({
    status: 204,
    headers: ['Location', `https://s3.test${object}`],
    body: once(''),
  })
  await world.read('/maps', { method: 'POST', body: once('form') })
  t.strictSame(world.store.keys, [])
})

t.test('aws-chunked uploads and Expect: 100-continue pass byte for byte', async (t) => {
  const world = cacheWorld()
  const headers = [
    'Content-Encoding',
    'aws-chunked',
    'x-amz-content-sha256',
    'STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER',
    'X-Amz-Decoded-Content-Length',
    '3',
    'x-amz-trailer',
    'x-amz-checksum-crc32',
    'Expect',
    '100-continue',
    'Content-Length',
    '99',
  ]
  const body =
    '3;chunk-signature=abc\r\nabc\r\n0;chunk-signature=def\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n'
  await world.read(object, { method: 'PUT', headers, body: once(body) })
  const seen = world.origin.requests[0]!
  t.strictSame(seen.headers, ['Host', 's3.test', ...headers])
  t.equal(new TextDecoder().decode(seen.receivedBody), body)
})

t.test('with the breaker open an upload is refused without its body being read', async (t) => {
  const world = cacheWorld()
  world.origin.mood = 'refused'
  for (let i = 0; i < 5; i++) await world.read(object)
  let wasRead = false
  const body = (async function* () {
    wasRead = true
    yield patterned(10)
  })()
  t.equal((await world.read(object, { method: 'PUT', body })).status, 503)
  t.notOk(wasRead)
})

t.test('a slow upload is not taken for a silent origin, and a long copy is left its time', async (t) => {
  const world = cacheWorld({ deadlineMs: 500 })
  const slow = (async function* () {
    for (let i = 0; i < 10; i++) {
      await world.clock.sleep(400)
      yield patterned(10)
    }
  })()
  t.equal((await world.read(object, { method: 'PUT', body: slow })).status, 200)
  world.origin.latencyMs = 5000
  t.equal(
    (await world.read(object, { method: 'PUT', headers: ['x-amz-copy-source', '/maps/other'] })).status,
    200,
  )
  t.equal((await world.read(object, { method: 'DELETE' })).status, 503)
})

const late: [string, string, string[]][] = [
  ['PUT', object, ['x-amz-copy-source', '/maps/other']],
  ['POST', `${object}?uploadId=1`, []],
]

t.test('what S3 answers late is bounded by write_timeout, before the head and within the body', async (t) => {
  for (const [method, target, headers] of late) {
    const world = cacheWorld({ writeTimeoutMs: 60_000 })
    const seen: (number | undefined)[] = []
    world.origin.intercept = ({ firstByteMs, betweenBytesMs }) => void seen.push(firstByteMs, betweenBytesMs)
    await world.read(target, { method, headers })
    t.strictSame(seen, [60_000, 60_000])
    world.origin.mood = 'hang'
    world.origin.firstByteTimeoutMs = Number.POSITIVE_INFINITY
    const startMs = world.clock.monotonicMs()
    const answer = await world.read(target, { method, headers })
    t.match([answer.status, answer.cacheStatus], [503, /detail=first-byte-timeout/])
    t.equal(world.clock.monotonicMs() - startMs, 60_000)
  }
})

/** S3 sends its head, white space for a minute, and then what came of it. */
function workingWorld(document: string) {
  const records: AccessRecord[] = []
  const world = cacheWorld({}, { accessLog: { record: (record) => records.push(record) } })
  const encoder = new TextEncoder()
  const working = async function* () {
    for (let i = 0; i < 6; i++) {
      await world.clock.sleep(10_000)
      yield encoder.encode(' ')
    }
    yield encoder.encode(document)
  }
  world.origin.put(object, 'old')
  world.origin.intercept = ({ method }) =>
    method === 'GET'
      ? undefined
      : { status: 200, headers: ['Content-Type', 'application/xml'], body: working() }
  return { world, records }
}

t.test('what is stored while S3 still works on a copy does not outlive it', async (t) => {
  for (const [method, target, headers] of late) {
    const { world } = workingWorld('<CopyObjectResult/>')
    const copying = world.send(world.request(target, { method, headers })).then(readAnswer)
    await world.clock.advance(15_000)
    await world.read(object)
    t.ok(world.store.lookup(key), 'S3 still gives the old one, and it is stored')
    await world.clock.until(copying)
    t.notOk(world.store.lookup(key), `${method}: gone with the end of the answer`)
  }
})

t.test('a 200 that ends in an error document passes byte for byte, and counts as no success', async (t) => {
  const error = '<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>InternalError</Code></Error>'
  for (const [method, target, headers] of late) {
    const { world, records } = workingWorld(error)
    const answer = await world.read(target, { method, headers })
    t.equal(answer.status, 200)
    t.equal(new TextDecoder().decode(answer.bytes), ' '.repeat(6) + error)
    t.match(records, [{ method, status: 200, reason: 'error-document' }])
    t.match(world.log.lines.at(-1), { level: 'warn', message: /error document/ })
    t.notOk(world.store.lookup(key), 'nobody knows whether it acted')
  }
  const { world, records } = workingWorld('<CopyObjectResult/>')
  await world.read(object, { method: 'PUT', headers: ['x-amz-copy-source', '/maps/other'] })
  t.match(records, [{ reason: 'method' }])
  t.strictSame(world.log.lines, [])
})

t.test('variants of an object are kept apart, and all end with a write to it', async (t) => {
  const world = cacheWorld()
  const variants = [
    `${object}?versionId=1`,
    `${object}?partNumber=1`,
    `${object}?response-content-type=text%2Fplain`,
    `${object}?response-content-type=text%2Fhtml`,
  ]
  await warm(world, object, ...variants)
  for (const variant of variants) t.equal((await world.read(variant)).word, 'HIT', variant)
  const same = `${object}?x-id=GetObject&response-content-type=text%2Fplain`
  t.equal((await world.read(same)).word, 'HIT', 'x-id is the SDK’s own and no variant')
  await world.read(object, { method: 'PUT', body: once('new') })
  for (const variant of variants) {
    const answer = await world.read(variant)
    t.equal(answer.word, 'MISS', variant)
    t.strictSame(answer.bytes, new TextEncoder().encode('new'))
  }
})

t.test('a variant whose generation is gone is not served, though it is still stored', async (t) => {
  const world = cacheWorld()
  const variant = `${object}?versionId=1`
  await warm(world, variant)
  world.store.remove(`${key} variants`)
  t.equal((await world.read(variant)).word, 'MISS')
})

t.test('a fill of a variant racing a PUT of its object is not stored', async (t) => {
  const world = cacheWorld()
  world.origin.put(object, patterned(100_000))
  world.origin.chunkDelayMs = 100
  const variant = `${object}?response-expires=1`
  const racing = world.send(world.request(variant)).then(readAnswer)
  await world.clock.advance(100)
  await world.read(object, { method: 'PUT', body: once('new') })
  await world.clock.until(racing)
  t.equal((await world.read(variant)).word, 'MISS')
})

t.test('the origin’s request keeps method, path, query and signed headers to the byte', async (t) => {
  const world = cacheWorld()
  const target = '/maps//a/../b%2fc%3A+d?versionId=a%2Bb&x-id=GetObject'
  const headers = [
    'AUTHORIZATION',
    'AWS4-HMAC-SHA256 SignedHeaders=host',
    'x-amz-Date',
    'odd  spaces',
    'Accept-Encoding',
    'br',
  ]
  await world.read(target, { headers })
  const seen = world.origin.requests[0]!
  t.equal(seen.target, target)
  t.strictSame(seen.headers, ['Host', 's3.test', ...headers])
  t.equal(headerValue(seen.headers, 'via'), undefined)
})

t.test('variants that are first read at the same time share a generation', async (t) => {
  const world = cacheWorld()
  const paths = [1, 2, 3].map((part) => `${object}?partNumber=${part}`)
  world.origin.put(object, patterned(10))
  await Promise.all(paths.map((path) => world.read(path)))
  for (const path of paths) t.equal((await world.read(path)).word, 'HIT')
})
