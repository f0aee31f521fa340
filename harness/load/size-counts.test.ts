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
  for (const bytes of [0, 4096, 4097, 2 ** 20, 2 ** 24, 2 ** 24 + 1]) counts.add(read(bytes))
  counts.add(read(10, 'miss'))
  counts.add(read(10, 'hit', 'recovery'))
  counts.add({ ...read(10, 'hit', 'recovery'), isPart: true })
  const lines = counts.take(1234)
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
  t.strictSame(counts.take(2000), [])
  t.end()
})
