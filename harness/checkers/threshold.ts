// What a scenario demands, as plain data: it stands in the history, so that a verdict can be computed again from there.
import type { Outcome, Population, Timing } from '../history/events.ts'

/** A number that can be computed from a run's summary; undefined (no data) makes the threshold unknown, never passed. */
export type Measure =
  /** ok / scheduled, 0 to 1. */
  | { readonly kind: 'ok-ratio'; readonly population: Population; readonly phases: readonly string[] }
  /** Arrivals that ended in one of the outcomes. */
  | {
      readonly kind: 'count'
      readonly population: Population
      readonly outcomes: readonly Outcome[]
      readonly phases: readonly string[]
    }
  /** A quantile (0 to 1; 1 is the maximum) of an ok arrival's time, ms. */
  | {
      readonly kind: 'quantile'
      readonly population: Population
      readonly timing: Timing
      readonly quantile: number
      readonly phases: readonly string[]
    }
  /** The slowest clear failure, ms: how long a client waited to be told no. */
  | { readonly kind: 'slowest-failure'; readonly population: Population; readonly phases: readonly string[] }
  /** The slowest arrival, whether it was served or refused, ms: how long anybody waited for anything. */
  | { readonly kind: 'slowest'; readonly population: Population; readonly phases: readonly string[] }
  /** Requests that reached the origin for each arrival of any population: above 1, failing requests were multiplied. */
  | { readonly kind: 'origin-requests-per-arrival'; readonly phases: readonly string[] }
  /** Uploads acknowledged to the client that the origin does not hold. */
  | { readonly kind: 'uploads-lost'; readonly phases: readonly string[] }
  /** Clients without credentials who were served a private object. */
  | { readonly kind: 'strangers-served'; readonly phases: readonly string[] }
  /** Reads that gave an older version than had been acknowledged to their client before they began. */
  | { readonly kind: 'outdated-reads'; readonly phases: readonly string[] }
  /** The largest number of whole-object GETs for one key that the origin answered with the object or a 304. */
  | { readonly kind: 'origin-fetches-per-key'; readonly phases: readonly string[] }
  /** How much more resident memory the system's parts took in the phases than they had in `since` at the most, bytes. */
  | { readonly kind: 'memory-growth'; readonly since: string; readonly phases: readonly string[] }
  /** TCP connections into the system's parts: the most there were in the phases, or how many were left at their end. */
  | { readonly kind: 'connections'; readonly which: 'most' | 'left'; readonly phases: readonly string[] }
  /** The most that a cache's store held at any moment, bytes: on disk as its files occupy it, or as the cache states it. */
  | { readonly kind: 'store-bytes'; readonly by: 'disk' | 'statement'; readonly phases: readonly string[] }
  /** Time from the start of the phase to the first ok arrival after which none failed, ms. */
  | { readonly kind: 'time-to-recover'; readonly population: Population; readonly phase: string }
  /** |recorded − injected| / injected of the origin's downtime, 0 to 1. */
  | { readonly kind: 'downtime-error'; readonly backend: string; readonly phases: readonly string[] }
  /** 1 − origin bytes / served bytes. */
  | { readonly kind: 'saved-ratio'; readonly phases: readonly string[] }
  /** Milliseconds of one column of the failover table. */
  | {
      readonly kind: 'failover'
      readonly fault: string
      readonly column: 'detectedMs' | 'switchedMs' | 'backMs' | 'slowestMs' | 'readsLost'
    }

/** Either a number or another measure times a factor ("at most twice steady state's"). */
export type Limit = number | { readonly times: number; readonly of: Measure }

export interface Threshold {
  /** A sentence a person reads: "every known read is answered while S3 refuses connections". */
  readonly name: string
  /** The phase or phases it is about, as shown. */
  readonly phase: string
  readonly measure: Measure
  readonly must: { readonly atLeast: Limit } | { readonly atMost: Limit }
}
