import t from 'tap'
import type { Outcome, WindowLine } from '../history/events.ts'
import { encodeHistogram, newHistogram, recordMs } from '../history/histogram.ts'
import { binWidthRatio } from './latency-bins.ts'
import { Timeline } from './timeline.ts'

function window(
  atMs: number,
  byOutcome: Partial<Record<Outcome, number>>,
  timesMs: readonly number[] = [],
): WindowLine {
  const histogram = newHistogram()
  for (const ms of timesMs) recordMs(histogram, ms)
  const responseUs = encodeHistogram(histogram)
  return {
    type: 'window',
    phase: 'p',
    population: 'known',
    atMs,
    widthMs: 1000,
    scheduled: 0,
    byOutcome,
    servedBytes: 1000,
    ...(responseUs ? { responseUs } : {}),
  }
}

t.test('a run of any length fits, and no arrival and no byte is lost in merging', async (t) => {
  const timeline = new Timeline()
  const seconds = 3 * 3600
  for (let s = 0; s < seconds; s += 1) {
    timeline.addWindow(window(s * 1000, { hit: 9, timeout: s === 4321 ? 1 : 0 }))
    timeline.addOrigin(s * 1000, 500)
  }
  const columns = timeline.columns()
  const perBucket = columns.widthMs / 1000
  const total = (rates: readonly number[]) => Math.round(rates.reduce((a, b) => a + b, 0) * perBucket)
  t.ok(columns.atMs.length <= 720, 'bounded')
  t.equal(total(columns.knownReads.hit!), 9 * seconds)
  t.equal(Math.round(total(columns.knownReads.timeout!)), 1, 'the one failure still shows')
  t.equal(total(columns.servedBytes), 1000 * seconds)
  t.equal(total(columns.originBytes), 500 * seconds)
  t.equal(total(columns.originRequests), seconds)
})

t.test('the maximum is exact, percentiles are within a bin, an empty second has none', async (t) => {
  const timeline = new Timeline()
  const times = Array.from({ length: 1000 }, (_, i) => 1 + i * 0.1)
  timeline.addWindow(window(0, { hit: 1000 }, [...times, 987]))
  timeline.addWindow(window(2000, { http5xx: 3 }))
  const { p50Ms, p99Ms, maxMs } = timeline.columns()
  const within = (got: number, wanted: number) => Math.abs(got / wanted - 1) < binWidthRatio
  t.ok(within(p50Ms[0]!, 51), `p50 ${p50Ms[0]}`)
  t.ok(within(p99Ms[0]!, 100), `p99 ${p99Ms[0]}`)
  t.ok(Math.abs(maxMs[0]! / 987 - 1) < 0.001, `max ${maxMs[0]}`)
  t.same([p50Ms[1], p99Ms[2], maxMs[1]], [null, null, null])
})

t.test('a heat map holds every read once, in the row of its latency', async (t) => {
  const timeline = new Timeline()
  timeline.addWindow(window(0, { hit: 3 }, [0.5, 0.5, 70]))
  timeline.addWindow(window(5000, { hit: 1 }, [70]))
  const { heat } = timeline.columns()
  t.equal(
    heat.cells.reduce((sum, [, , reads]) => sum + reads, 0),
    4,
  )
  for (const [column, row, reads] of heat.cells) {
    const wanted = column === 0 && reads === 2 ? 0.5 : 70
    t.ok(
      heat.rowEdgesMs[row]! <= wanted * 1.04 && wanted * 0.96 <= heat.rowEdgesMs[row + 1]!,
      `row ${row} holds ${wanted} ms`,
    )
  }
})

t.test('arrivals that no cache can answer are kept apart from known reads', async (t) => {
  const timeline = new Timeline()
  timeline.addWindow({ ...window(0, { http5xx: 2 }), population: 'upload' })
  timeline.addWindow({ ...window(0, { miss: 3 }), population: 'never-read' })
  const { othersOk, othersFailed, knownReads } = timeline.columns()
  t.same([othersOk, othersFailed, knownReads], [[3], [2], {}])
})
