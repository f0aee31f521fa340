import t from 'tap'
import { KnownHeads } from './http-server-known.ts'
import { parseHead } from './http-server-parse.ts'

const head = (target: string, more = '') =>
  Buffer.from(`GET ${target} HTTP/1.1\r\nHost: s3.test\r\n${more}\r\n`)

t.test('the same bytes are the same head, and what was parsed of them', async (t) => {
  const heads = new KnownHeads()
  const first = heads.parse(head('/b/k'), 10)
  t.strictSame(first, parseHead(head('/b/k'), 0, 10))
  t.equal(heads.parse(head('/b/k'), 10), first)
})

t.test('a byte makes another head', async (t) => {
  const heads = new KnownHeads()
  heads.parse(head('/b/k'), 10)
  for (const other of [
    head('/b/K'),
    head('/b/k', 'Range: bytes=0-1\r\n'),
    head('/b/k', 'Connection: close\r\n'),
  ])
    t.strictSame(heads.parse(other, 10), parseHead(other, 0, 10), String(other))
})

t.test('what is not one whole plain head is not kept', async (t) => {
  const heads = new KnownHeads()
  const two = Buffer.concat([head('/b/1'), head('/b/2')])
  t.match(heads.parse(two, 10), { kind: 'request', target: '/b/1', end: head('/b/1').length })
  t.match(heads.parse(head('/b/1').subarray(0, -2), 10), { kind: 'incomplete' })
  t.match(heads.parse(head('/b/1', 'Expect: 100-continue\r\n'), 10), { kind: 'other' })
  t.match(heads.parse(head('/b/1', `X-Amz-Security-Token: ${'t'.repeat(600)}\r\n`), 10), { kind: 'request' })
  t.equal(heads.size, 0)
})

t.test('no number of heads takes more than its share of memory', async (t) => {
  const heads = new KnownHeads()
  for (let i = 0; i < 10_000; i++) heads.parse(head(`/b/${i}`), 10)
  t.ok(heads.size > 0 && heads.size <= 1024, String(heads.size))
})
