// The cache answers conditions and ranges from its entry as this repository's S3 does from its object: two pieces of
// code, written apart, over the same random requests.
import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { choose } from '../../proxy/cache/answer.ts'
import type { EntryMeta } from '../../proxy/object.ts'
import { requestFacts } from '../../proxy/policy/request-facts.ts'
import { planRead } from './preconditions.ts'

const lastModifiedMs = Date.UTC(2026, 0, 1)
const dateAt = (offsetMs: number) => new Date(lastModifiedMs + offsetMs).toUTCString()
const etag = '"5d41402abc4b2a76b9719d911017c592"'

const date = fc.constantFrom(dateAt(-60_000), dateAt(0), dateAt(60_000), 'yesterday', '')
const tags = fc.constantFrom(
  etag,
  etag.slice(1, -1),
  '*',
  '"other"',
  `"other", ${etag}`,
  `${etag},"other"`,
  'x',
)
const number = fc.constantFrom('', '0', '1', '9', '10', '11', '99999999999999999999')
const range = fc.oneof(
  fc.tuple(number, number).map(([first, last]) => `bytes=${first}-${last}`),
  fc.constantFrom('bytes=0-1,3-4', 'bytes=-', 'bytes=a-b', 'lines=0-1', 'bytes=5', 'bytes=--1', 'bytes 0-1'),
)
const conditions = fc.record(
  {
    Range: range,
    'If-Range': fc.constantFrom(etag, '"other"', dateAt(0), dateAt(-60_000)),
    'If-Match': tags,
    'If-None-Match': tags,
    'If-Modified-Since': date,
    'If-Unmodified-Since': date,
  },
  { requiredKeys: [] },
)

t.test('whatever a client asks of a stored object, the cache chooses what S3 would send', async (t) => {
  let partial = 0
  const sameAnswer = (asked: Record<string, string>, bytes: number) => {
    const headers = Object.entries(asked).flat()
    const meta = { status: 200, headers: ['ETag', etag, 'Last-Modified', dateAt(0)], bodyBytes: bytes, etag }
    const ours = choose(meta as unknown as EntryMeta, requestFacts(headers))
    const theirs = planRead(headers, { etag, lastModifiedMs, bytes })
    if (ours.kind !== 'whole') partial += 1
    assert.deepEqual(ours, theirs)
  }
  fc.assert(fc.property(conditions, fc.constantFrom(0, 1, 10), sameAnswer), { numRuns: 3000 })
  t.ok(partial > 500, `${partial} of them were no plain 200`)
})
