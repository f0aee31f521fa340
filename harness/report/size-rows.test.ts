import t from 'tap'
import { summarise } from '../history/summary.ts'
import { sizesTable } from './sections/sizes.ts'
import { sizeRows } from './size-rows.ts'
import { fakeModel } from './testing.ts'
import { sizesLine } from './testing-lines.ts'

/** Reads of 1,000 bytes that each took `ms`. */
const sizesOf = (
  phase: string,
  outcome: 'hit' | 'miss',
  upToBytes: number | null,
  reads: number,
  ms: number,
) => sizesLine({ phase, outcome, upToBytes, reads, bytes: reads * 1000 }, () => ms)

const begun = (name: string) => ({ type: 'phase', name, story: '', edge: 'start', atMs: 0 }) as const

t.test('pieces of all phases add up; the smallest objects come first', async (t) => {
  const { phases } = await summarise([
    begun('a'),
    begun('b'),
    sizesOf('a', 'miss', null, 1, 100),
    sizesOf('a', 'miss', 4096, 100, 10),
    sizesOf('a', 'hit', 4096, 60, 2),
    sizesOf('b', 'hit', 4096, 60, 2),
    sizesOf('no such phase', 'hit', 4096, 60, 2),
  ])
  const rows = sizeRows(phases)
  t.strictSame(
    rows.map(({ sizeClass, outcome, reads }) => [sizeClass, outcome, reads]),
    [
      ['≤ 4 KiB', 'hit', 120],
      ['≤ 4 KiB', 'miss', 100],
      ['> 16 MiB', 'miss', 1],
    ],
  )
  t.ok(Math.abs(rows[0]!.bytesPerSecond / 500_000 - 1) < 0.01, `${rows[0]!.bytesPerSecond} B/s`)
  t.equal(Math.round(rows[0]!.ttfbMs.p99!), 2)
  t.equal(rows[2]!.wholeMs.p99, null, 'one read has no p99')
  t.equal(rows[0]!.missRatio!.toFixed(1), '5.0', 'a miss of the same class took 10 ms against 2')
  t.strictSame([rows[1]!.missRatio, rows[2]!.missRatio], [null, null])
})

t.test('a history that knows no sizes has no such table', async (t) => {
  const model = await fakeModel({ reads: 5 })
  t.ok(sizesTable(model))
  t.equal(sizesTable({ ...model, sizes: [] }), null)
})
