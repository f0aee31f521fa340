// Rows of the table by object size, from the summary's counts.
import { type Outcome, outcomes } from '../history/events.ts'
import { type Histogram, quantileMs } from '../history/histogram.ts'
import { mergedSizes, sizeClassName } from '../history/size-classes.ts'
import type { PhaseSummary } from '../history/summary.ts'

/** `p99` is null below a hundred reads. */
interface MiddleAndTail {
  readonly p50: number
  readonly p99: number | null
}

/** Reads of one size class that one path served. Times are ms from the first byte sent. */
export interface SizeRow {
  readonly sizeClass: string
  readonly outcome: Outcome
  readonly isPart: boolean
  readonly reads: number
  readonly ttfbMs: MiddleAndTail
  readonly wholeMs: MiddleAndTail
  /** All bytes over all the reads' time, each read by itself. */
  readonly bytesPerSecond: number
}

/** Smallest objects first, outcomes in their usual order. */
export function sizeRows(phases: readonly PhaseSummary[]): SizeRow[] {
  return mergedSizes(phases.map(({ sizes }) => sizes))
    .sort(
      (a, b) =>
        (a.upToBytes ?? Number.POSITIVE_INFINITY) - (b.upToBytes ?? Number.POSITIVE_INFINITY) ||
        outcomes.indexOf(a.outcome) - outcomes.indexOf(b.outcome) ||
        Number(a.isPart) - Number(b.isPart),
    )
    .map(({ upToBytes, outcome, isPart, reads, bytes, ttfbUs, serviceUs }) => ({
      sizeClass: sizeClassName(upToBytes),
      outcome,
      isPart,
      reads,
      ttfbMs: middleAndTail(ttfbUs),
      wholeMs: middleAndTail(serviceUs),
      bytesPerSecond: (bytes / (serviceUs.mean * serviceUs.totalCount)) * 1e6,
    }))
}

function middleAndTail(times: Histogram): MiddleAndTail {
  return { p50: quantileMs(times, 0.5)!, p99: times.totalCount < 100 ? null : quantileMs(times, 0.99)! }
}
