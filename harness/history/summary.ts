// One pass over a history, in memory that grows with phases, faults and keys but not with time. What verdict, results
// and report say is computed from the Summary made here.
import type {
  CpuLine,
  DowntimeLine,
  FailureLine,
  GeneratorLine,
  HistoryLine,
  OriginLine,
  Outcome,
  PhaseLine,
  Population,
  RunLine,
  StateLine,
  UploadLine,
  WindowLine,
} from './events.ts'
import { okOutcomes, outcomes, populations } from './events.ts'
import { FailoverRecorder, type FaultSpan } from './fault-spans.ts'
import { decodeHistogram, type Histogram, newHistogram } from './histogram.ts'

/** All arrivals of one population in one phase. */
export interface PopulationSummary {
  scheduled: number
  ok: number
  failed: number
  readonly byOutcome: Record<Outcome, number>
  servedBytes: number
  /** Of ok arrivals. */
  readonly responseUs: Histogram
  readonly serviceUs: Histogram
  readonly ttfbUs: Histogram
  /** Response times of failed arrivals. */
  readonly failedUs: Histogram
  /** Run time at which the last failed arrival was told so; null when none failed. */
  lastFailureEndMs: number | null
  /** Start of the last second in which an arrival ended ok, and of the last in which one failed. */
  lastOkWindowMs: number | null
  lastFailedWindowMs: number | null
}

export interface PhaseSummary {
  readonly name: string
  readonly story: string
  /** The load went straight to the origin: no part of the run's bandwidth ledger. */
  readonly control: boolean
  readonly startMs: number
  /** null when the history ends within the phase. */
  endMs: number | null
  readonly populations: Record<Population, PopulationSummary>
  originRequests: number
  originBytes: number
  /** Whole-object GETs, by key, that the origin answered with anything but 5xx (304 included). */
  readonly originFetches: Map<string, number>
  /** Whole-object GETs answered 200, by key: each moved the object once. */
  readonly originFills: Map<string, number>
  /** null when nobody asked the origin for the phase's uploads. */
  uploads: { acknowledged: number; heldByOrigin: number; lost: string[] } | null
}

export interface Summary {
  readonly run: RunLine | null
  /** In the order they began. */
  readonly phases: readonly PhaseSummary[]
  readonly faults: readonly FaultSpan[]
  readonly states: readonly StateLine[]
  readonly downtimes: readonly DowntimeLine[]
  readonly cpu: readonly CpuLine[]
  readonly generator: GeneratorLine | null
  /** Run time of the last line. */
  readonly endMs: number
  readonly interrupted: boolean
  /** Why the run can't be trusted, in sentences; empty for a sound one. */
  readonly doubts: readonly string[]
}
