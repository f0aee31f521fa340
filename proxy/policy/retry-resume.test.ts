import t from 'tap'
import type { HeaderList } from '../object.ts'
import { continues, resumable, resumeHeaders } from './retry-resume.ts'

const etag = ['ETag', '"v1"']
const whole = { status: 200, headers: [...etag, 'Content-Length', '1000'] }
const part = {
  status: 206,
  headers: [...etag, 'Content-Range', 'bytes 100-299/1000', 'Content-Length', '200'],
}
const signing = (names: string) => [
  'Authorization',
  `AWS4-HMAC-SHA256 Credential=a/b, SignedHeaders=${names}, Signature=c`,
]

t.test('an answer can be continued when its version and length are known', async (t) => {
  const get = { method: 'GET', headers: [] as HeaderList }
  const ok = (first: number, last: number) => ({ promised: { first, last, total: 1000, etag: '"v1"' } })
  const cases: [string, typeof get, typeof whole, object][] = [
    ['a whole object', get, whole, ok(0, 999)],
    ['a part', get, part, ok(100, 299)],
    ['a HEAD', { ...get, method: 'HEAD' }, whole, { because: 'not-a-get' }],
    ['no ETag', get, { status: 200, headers: ['Content-Length', '9'] }, { because: 'no-strong-etag' }],
    [
      'a weak ETag',
      get,
      { status: 200, headers: ['ETag', 'W/"v1"', 'Content-Length', '9'] },
      { because: 'no-strong-etag' },
    ],
    ['chunked', get, { status: 200, headers: [...etag] }, { because: 'length-unknown' }],
    [
      'several ranges',
      get,
      { status: 206, headers: [...etag, 'Content-Type', 'multipart/byteranges'] },
      { because: 'several-ranges' },
    ],
    [
      'a signed Range',
      { ...get, headers: ['Range', 'bytes=0-', ...signing('host;range')] },
      part,
      { because: 'range-is-signed' },
    ],
    ['another header signed', { ...get, headers: signing('host;x-amz-date') }, whole, ok(0, 999)],
    [
      'an error page',
      get,
      { status: 503, headers: [...etag, 'Content-Length', '9'] },
      { because: 'length-unknown' },
    ],
  ]
  for (const [name, asked, answer, expected] of cases) t.match(resumable(asked, answer), expected, name)
})

t.test('the rest is asked for by range and version, all else as the client sent it', async (t) => {
  const promised = { first: 100, last: 299, total: 1000, etag: '"v1"' }
  const headers = ['Host', 's3', 'range', 'bytes=100-299', 'X-Amz-Date', 'now']
  t.same(resumeHeaders(headers, promised, 50), [
    'Host',
    's3',
    'X-Amz-Date',
    'now',
    'Range',
    'bytes=150-299',
    'If-Match',
    '"v1"',
  ])
})

t.test('only the missing rest of the same version goes on', async (t) => {
  const promised = { first: 0, last: 999, total: 1000, etag: '"v1"' }
  const rest = (range: string, tag = '"v1"', status = 206) =>
    continues({ status, headers: ['ETag', tag, 'Content-Range', range] }, promised, 400)
  t.equal(rest('bytes 400-999/1000'), true)
  t.equal(rest('bytes 0-999/1000'), false, 'from the start')
  t.equal(rest('bytes 400-899/1000'), false, 'short')
  t.equal(rest('bytes 400-999/1001'), false, 'of another length')
  t.equal(rest('bytes 400-999/1000', '"v2"'), false, 'of another version')
  t.equal(rest('bytes 400-999/1000', '"v1"', 200), false, 'not partial')
  t.equal(rest('nonsense'), false)
})
