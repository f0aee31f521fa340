// The shape of results.json, schema 1. Scripts rely on it from outside: extend it freely, change it only with a note in the changelog.
import type { Outcome, Timing } from './events.ts'

export type Verdict = 'pass' | 'fail' | 'unknown'
export interface Quantiles {
  readonly p50: number
  readonly p90: number
  readonly p99: number
  readonly p999: number
  readonly max: number
}
export interface ThresholdResult {
  readonly name: string
  readonly phase: string
  readonly expression: string
  readonly measured: number | null
  /** What it was compared with, in the same unit; null when that could not be measured. */
  readonly limit: number | null
  readonly verdict: Verdict
}
export type PhaseResult = {
  readonly name: string
  readonly startMs: number
  readonly endMs: number
  readonly calendarSeconds: number
  readonly reads: {
    readonly scheduled: number
    readonly ok: number
    readonly failed: number
    readonly byOutcome: Readonly<Partial<Record<Outcome, number>>>
  }
  readonly writes: { readonly scheduled: number; readonly ok: number; readonly failed: number }
  readonly bytes: { readonly served: number; readonly origin: number }
} & { readonly [T in Timing]: Quantiles | null }
export interface Failover {
  readonly fault: string
  readonly injectedMs: number
  readonly detectedMs: number | null
  readonly switchedMs: number | null
  readonly healedMs: number | null
  readonly backMs: number | null
  readonly readsLost: number
  /** When the first and the last known read that it cost were told so, since the injection; null when it cost none. */
  readonly firstLossMs: number | null
  readonly lastLossMs: number | null
  /** The most known reads that failed one after the other, in the order they ended; null when none did, or nobody counted. */
  readonly lossesInARow: number | null
  /** The lost reads as time without any service, at the rate of known reads under the fault; null when there were none. */
  readonly outageMs: number | null
  /** Known reads answered stale in the seconds the fault overlaps. */
  readonly staleServed: number
  readonly slowestMs: number | null
}
/** A quantile of the response time of known reads over that of the system under test in the same phase, with its 95 % interval. */
export interface QuantileRatio {
  readonly phase: string
  readonly quantile: number
  readonly ratio: number
  readonly low: number
  /** null: unbounded, there were too few reads. */
  readonly high: number | null
  readonly conclusion: 'higher' | 'lower' | 'inconclusive'
}
/** The same story on another system, in a folder below the run's own. */
export interface ComparedResult {
  readonly system: string
  /** Below the run's folder; its results.json has everything else. */
  readonly folder: string
  readonly verdict: Verdict
  readonly reason: string
  readonly knownReadsLost: number
  /** Of known reads that ended ok. */
  readonly phases: readonly {
    readonly name: string
    readonly knownReadsLost: number
    readonly p50Ms: number | null
    readonly p99Ms: number | null
    readonly slowestMs: number | null
  }[]
  readonly bandwidth: Results['bandwidth']
  readonly failovers: readonly Failover[]
  readonly ratios: readonly QuantileRatio[]
}
export interface Results {
  readonly schema: 1
  readonly scenario: string
  readonly system: string
  readonly origin: string
  readonly toxiproxy: { readonly kind: 'embedded' | 'real'; readonly version: string }
  readonly seed: number
  readonly speed: number
  readonly startedAt: string
  readonly wallSeconds: number
  readonly verdict: Verdict
  readonly reason: string
  readonly versions: { readonly node: string; readonly commit: string }
  readonly machine: string
  readonly thresholds: readonly ThresholdResult[]
  readonly phases: readonly PhaseResult[]
  readonly bandwidth: {
    readonly servedBytes: number
    readonly originBytes: number
    readonly savedRatio: number | null
    readonly duplicateFills: number
    /** Of them, at the most, reads that went past the caches (failover, direct): nothing could have let those share a fetch. */
    readonly duplicatesPastCache: number
    /** What S3 would bill at the stated price: for the bytes it sent, and for those served, had each come from it. */
    readonly money: {
      readonly dollarsPerGb: number
      readonly originDollars: number
      readonly servedDollars: number
      readonly savedDollars: number
    }
  }
  readonly failovers: readonly Failover[]
  readonly generator: {
    readonly slipP99Ms: number
    readonly cpuSeconds: number
    readonly eventLoopLagP99Ms: number
  } | null
  readonly systemCpuSeconds: Readonly<Record<string, number>>
  /** Absent when the run was compared with nothing. */
  readonly comparison?: readonly ComparedResult[]
}
