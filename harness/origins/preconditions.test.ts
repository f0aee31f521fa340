import t from 'tap'
import { isPlainRead, planRead, type ReadPlan } from './preconditions.ts'

const object = { etag: '"abc"', lastModifiedMs: Date.parse('2026-03-01T12:00:00.400Z'), bytes: 100 }
const at = 'Sun, 01 Mar 2026 12:00:00 GMT'
const before = 'Sun, 01 Mar 2026 11:59:59 GMT'
const after = 'Sun, 01 Mar 2026 12:00:01 GMT'
const whole: ReadPlan = { kind: 'whole' }
const part = (first: number, last: number): ReadPlan => ({ kind: 'part', first, last })
const notModified: ReadPlan = { kind: 'not-modified' }
const failed: ReadPlan = { kind: 'precondition-failed' }
const unsatisfiable: ReadPlan = { kind: 'unsatisfiable' }

const table: [string[], ReadPlan][] = [
  [[], whole],
  [['Range', 'bytes=0-0'], part(0, 0)],
  [['Range', 'bytes=0-'], part(0, 99)],
  [['Range', 'bytes=10-19'], part(10, 19)],
  [['Range', 'bytes=90-1000'], part(90, 99)],
  [['Range', 'bytes=-5'], part(95, 99)],
  [['Range', 'bytes=-1000'], part(0, 99)],
  [['Range', 'bytes=-0'], unsatisfiable],
  [['Range', 'bytes=100-'], unsatisfiable],
  [['Range', 'bytes=0-1,5-6'], whole],
  [['Range', 'bytes=9-5'], whole],
  [['Range', 'bytes=-'], whole],
  [['Range', 'lines=0-1'], whole],
  [['If-None-Match', '"abc"'], notModified],
  [['If-None-Match', 'abc'], notModified],
  [['If-None-Match', 'W/"abc"'], notModified],
  [['If-None-Match', '"x", "abc"'], notModified],
  [['If-None-Match', '*'], notModified],
  [['If-None-Match', '"x"'], whole],
  [['If-None-Match', '"x"', 'If-Modified-Since', after], whole],
  [['If-Modified-Since', at], notModified],
  [['If-Modified-Since', after], notModified],
  [['If-Modified-Since', before], whole],
  [['If-Modified-Since', 'never'], whole],
  [['If-Match', '"abc"'], whole],
  [['If-Match', '*'], whole],
  [['If-Match', '"x"'], failed],
  [['If-Match', '"abc"', 'If-Unmodified-Since', before], whole],
  [['If-Unmodified-Since', before], failed],
  [['If-Unmodified-Since', at], whole],
  [['If-Match', '"x"', 'If-None-Match', '"abc"'], failed],
  [['If-Range', '"abc"', 'Range', 'bytes=0-9'], part(0, 9)],
  [['If-Range', '"x"', 'Range', 'bytes=0-9'], whole],
  [['If-Range', at, 'Range', 'bytes=0-9'], part(0, 9)],
  [['If-Range', before, 'Range', 'bytes=0-9'], whole],
  [['If-None-Match', '"abc"', 'Range', 'bytes=0-9'], notModified],
]

t.test('a conditional or partial read gets what S3 would give', async (t) => {
  for (const [headers, plan] of table) t.same(planRead(headers, object), plan, headers.join(' '))
  t.same(
    planRead(['Range', 'bytes=0-'], { ...object, bytes: 0 }),
    unsatisfiable,
    'an empty object has no range',
  )
})

t.test('only requests with a condition or a range need planning', async (t) => {
  t.equal(isPlainRead(['Host', 'x', 'Accept', '*/*']), true)
  t.equal(isPlainRead(['RANGE', 'bytes=0-1']), false)
  t.equal(isPlainRead(['if-match', '"x"']), false)
})
