import t from 'tap'
import { decodeHistogram } from '../history/histogram.ts'
import { sizeClassName } from '../history/size-classes.ts'
import { SizeCounts } from './size-counts.ts'

const read = (bytes: number, outcome: 'hit' | 'miss' = 'hit', phase = 'steady') => ({
  phase,
  outcome,
  isPart: false,
  bytes,
  ttfbMs: 2,
  serviceMs: 5,
})

t.test('reads are counted by phase, outcome and size class, and handed on once', (t) => {
  const counts = new SizeCounts()
  for (const bytes of [0, 4096, 4097, 2 ** 20, 2 ** 24, 2 ** 24 + 1]) counts.add(read(bytes), 0)
  counts.add(read(10, 'miss'), 0)
  counts.add(read(10, 'hit', 'recovery'), 0)
  counts.add({ ...read(10, 'hit', 'recovery'), isPart: true }, 0)
  const lines = counts.take(1234, true)
  t.strictSame(
    lines.map(({ phase, outcome, isPart, upToBytes, reads, bytes }) => [
      phase,
      isPart ? `${outcome}, part` : outcome,
      sizeClassName(upToBytes),
      reads,
      bytes,
    ]),
    [
      ['steady', 'hit', '≤ 4 KiB', 2, 4096],
      ['steady', 'hit', '≤ 64 KiB', 1, 4097],
      ['steady', 'hit', '≤ 1 MiB', 1, 2 ** 20],
      ['steady', 'hit', '≤ 16 MiB', 1, 2 ** 24],
      ['steady', 'hit', '> 16 MiB', 1, 2 ** 24 + 1],
      ['steady', 'miss', '≤ 4 KiB', 1, 10],
      ['recovery', 'hit', '≤ 4 KiB', 1, 10],
      ['recovery', 'hit, part', '≤ 4 KiB', 1, 10],
    ],
  )
  t.match(lines[0], { type: 'sizes', atMs: 1234 })
  t.equal(decodeHistogram(lines[0]!.ttfbUs).totalCount, 2)
  t.strictSame(counts.take(2000, true), [])
  t.end()
})

t.test(
  'two at a time are handed on, when they are ten seconds old; what comes later is counted anew',
  (t) => {
    const counts = new SizeCounts()
    const sizes = [10, 10_000, 100_000]
    for (const bytes of sizes) counts.add(read(bytes), 1000)
    t.strictSame(counts.take(10_999, false), [])
    const first = counts.take(11_000, false)
    t.strictSame(
      first.map(({ bytes }) => bytes),
      [10, 10_000],
    )
    counts.add({ ...read(10), ttfbMs: 700 }, 11_100)
    t.strictSame(
      counts.take(11_250, false).map(({ bytes }) => bytes),
      [100_000],
    )
    const [last] = counts.take(21_100, false)
    const times = decodeHistogram(last!.ttfbUs)
    t.equal(times.totalCount, 1)
    t.ok(times.minNonZeroValue > 600_000, 'nothing is left in it of what was handed on before')
    t.end()
  },
)
