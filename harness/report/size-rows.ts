// Rows of the table by object size, from the summary's counts.
import { type Outcome, outcomes } from '../history/events.ts'
import { type Histogram, quantileMs } from '../history/histogram.ts'
import { mergedSizes, type SizeSummary, sizeClassName } from '../history/size-classes.ts'
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
  /** How many times longer a miss of the same class took (p50 of whole bodies); null for misses, and where there were none. */
  readonly missRatio: number | null
}

/** Smallest objects first, outcomes in their usual order. */
export function sizeRows(phases: readonly PhaseSummary[]): SizeRow[] {
  const all = mergedSizes(phases.map(({ sizes }) => sizes))
  return all
    .sort(
      (a, b) =>
        (a.upToBytes ?? Number.POSITIVE_INFINITY) - (b.upToBytes ?? Number.POSITIVE_INFINITY) ||
        outcomes.indexOf(a.outcome) - outcomes.indexOf(b.outcome) ||
        Number(a.isPart) - Number(b.isPart),
    )
    .map((one) => ({
      sizeClass: sizeClassName(one.upToBytes),
      outcome: one.outcome,
      isPart: one.isPart,
      reads: one.reads,
      ttfbMs: middleAndTail(one.ttfbUs),
      wholeMs: middleAndTail(one.serviceUs),
      bytesPerSecond: (one.bytes / (one.serviceUs.mean * one.serviceUs.totalCount)) * 1e6,
      missRatio: missRatio(one, all),
    }))
}

function missRatio({ upToBytes, outcome, isPart, serviceUs }: SizeSummary, all: readonly SizeSummary[]) {
  const miss = all.find(
    (one) => one.outcome === 'miss' && one.upToBytes === upToBytes && one.isPart === isPart,
  )
  if (miss === undefined || outcome === 'miss') return null
  return quantileMs(miss.serviceUs, 0.5)! / quantileMs(serviceUs, 0.5)!
}

function middleAndTail(times: Histogram): MiddleAndTail {
  return { p50: quantileMs(times, 0.5)!, p99: times.totalCount < 100 ? null : quantileMs(times, 0.99)! }
}
