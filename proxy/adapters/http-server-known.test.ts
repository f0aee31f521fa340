import t from 'tap'
import { KnownHeads } from './http-server-known.ts'
import { parseHead } from './http-server-parse.ts'

const head = (target: string, more = '') =>
  Buffer.from(`GET ${target} HTTP/1.1\r\nHost: s3.test\r\n${more}\r\n`)

/** A head is known from the second time on. */
function comesThrice(heads: KnownHeads, bytes: Buffer) {
  return [1, 2, 3].map(() => heads.parse(bytes, 10))
}

t.test('the same bytes again are the same head, and what was parsed of them', async (t) => {
  const [first, second, third] = comesThrice(new KnownHeads(), head('/b/k'))
  const parsed = parseHead(head('/b/k'), 0, 10)
  t.strictSame(first, parsed)
  t.strictSame(second, { ...parsed, isKnown: true })
  t.equal(third, second)
})

t.test('a byte makes another head', async (t) => {
  const heads = new KnownHeads()
  comesThrice(heads, head('/b/k'))
  const others = [head('/b/K'), head('/b/k', 'Range: bytes=0-1\r\n'), head('/b/k', 'Connection: close\r\n')]
  for (const other of others) t.strictSame(heads.parse(other, 10), parseHead(other, 0, 10), String(other))
})

t.test('heads that are mistaken for each other at first sight are told apart', async (t) => {
  const heads = new KnownHeads()
  const [one, other] = [head('/b/k', 'A: 1\r\n'), head('/b/k', 'A: 2\r\n')]
  for (const bytes of [one, one, other, other, one, other, one, one])
    t.match(heads.parse(bytes, 10), { ...parseHead(bytes, 0, 10), isKnown: Boolean })
})

t.test('what is not one whole plain head is not kept', async (t) => {
  const heads = new KnownHeads()
  const ofOne = head('/b/1').length
  const cases: [Buffer, object][] = [
    [Buffer.concat([head('/b/1'), head('/b/2')]), { kind: 'request', target: '/b/1', end: ofOne }],
    [head('/b/1').subarray(0, -2), { kind: 'incomplete' }],
    [head('/b/1', 'Expect: 100-continue\r\n'), { kind: 'other' }],
    [head('/b/1', `X-Amz-Security-Token: ${'t'.repeat(600)}\r\n`), { kind: 'request', isKnown: false }],
  ]
  for (const [bytes, parsed] of cases) t.match(comesThrice(heads, bytes)[2], parsed)
  t.equal(heads.size, 0)
})

t.test('heads that don’t come again are not kept, and those that do are bounded', async (t) => {
  const heads = new KnownHeads()
  for (let round = 0; round < 3; round++) {
    for (let i = 0; i < 20_000; i++) heads.parse(head(`/b/${i}`), 10)
  }
  t.equal(heads.size, 0, 'each comes again long after the others')
  for (let i = 0; i < 10_000; i++) comesThrice(heads, head(`/b/${i}`))
  t.ok(heads.size > 0 && heads.size <= 1024, String(heads.size))
})
