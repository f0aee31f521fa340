import t from 'tap'
import { requestFacts } from './request-facts.ts'
import { contentLength, isErrorDocument, type StorableRules, storable } from './storable.ts'

const facts = requestFacts([])
const s3: StorableRules = {
  profile: 's3',
  valid: [
    { prefix: '', status: 200, timeMs: 1000 },
    { prefix: 'b/long/', status: 200, timeMs: 9000 },
    { prefix: 'b/never/', status: 200, timeMs: 0 },
    { prefix: '', status: 404, timeMs: 10 },
    { prefix: '', status: 403, timeMs: 10 },
    { prefix: '', status: 503, timeMs: 10 },
    { prefix: '', status: 206, timeMs: 10 },
  ],
}
const length = ['Content-Length', '7']

t.test('what the s3 profile stores, and why it stores nothing else', async (t) => {
  const cases: [number, string[], string][] = [
    [200, length, ''],
    [404, length, ''],
    [206, length, 'status'],
    [301, length, 'status'],
    [307, length, 'status'],
    [403, length, 'status'],
    [503, length, 'status'],
    [200, [], 'no-length'],
    [200, ['Content-Length', '+7'], 'no-length'],
    [200, ['Transfer-Encoding', 'chunked'], 'no-length'],
    [200, [...length, 'Set-Cookie', 'a=b'], 'set-cookie'],
    [200, [...length, 'Cache-Control', 'No-Store'], 'no-store'],
    [200, [...length, 'Cache-Control', 'max-age=1, private="x"'], 'no-store'],
    [200, [...length, 'Vary', 'Origin, *'], 'vary'],
    [200, [...length, 'Vary', 'Origin'], ''],
    [200, [...length, 'Content-Range', 'bytes 0-6/9'], 'content-range'],
    [200, [...length, 'x-amz-server-side-encryption-customer-algorithm', 'AES256'], 'sse-c'],
  ]
  for (const [status, headers, because] of cases) {
    const decision = storable(status, headers, 'b/key', facts, s3)
    t.equal(decision.store ? '' : decision.because, because, `${status} ${headers.join(' ')}`)
  }
})

t.test('valid: the longest prefix decides, and 0 keeps nothing', async (t) => {
  t.match(storable(200, length, 'b/key', facts, s3), { freshForMs: 1000, bodyBytes: 7 })
  t.match(storable(200, length, 'b/long/key', facts, s3), { freshForMs: 9000 })
  t.match(storable(200, length, 'b/never/key', facts, s3), { because: 'not-valid-long' })
  t.match(storable(404, length, 'b/long/key', facts, s3), { freshForMs: 10 })
  t.match(storable(404, length, 'b/key', facts, { ...s3, valid: [] }), { because: 'not-valid-long' })
})

t.test('a length is a plain number', async (t) => {
  for (const [value, bytes] of [
    ['0', 0],
    ['15', 15],
    ['-1', null],
    ['0x5', null],
    ['5, 5', null],
    ['', null],
    ['9'.repeat(16), null],
  ] as const) {
    t.equal(contentLength(['content-length', value]), bytes, value)
  }
})

t.test('an error document in a 200 is told from an object, XML or not', async (t) => {
  const xml = ['Content-Type', 'application/xml']
  t.ok(isErrorDocument(200, xml, 's3'))
  t.ok(isErrorDocument(200, ['content-type', 'application/xml; charset=utf-8'], 's3'))
  t.notOk(isErrorDocument(200, [...xml, 'ETag', '"abc"'], 's3'), 'an object that is XML')
  t.notOk(isErrorDocument(200, ['Content-Type', 'text/plain'], 's3'))
  t.notOk(isErrorDocument(503, xml, 's3'), 'its status says so already')
  t.notOk(isErrorDocument(200, xml, 'rfc9111'), 'other origins may give no ETags')
})
