// What there is to tell of a server: what it did, what its checks found, how its state changed. Plain data. Flow.
import type { ErrorCode } from '../errors.ts'
import type { Routable } from '../policy/failover.ts'

/** What an operator asked for: `drain` finishes what is running and takes nothing new; `maint` isn't even checked. */
export type Mode = 'ready' | 'drain' | 'maint'

/** What a check found. */
export interface CheckOutcome {
  readonly ok: boolean
  /** As a person reads it: "status 403", "connect-refused". */
  readonly text: string
  /** The status it was answered with; null when it wasn't. */
  readonly status: number | null
  readonly error: ErrorCode | 'check-timeout' | null
}

export interface CheckResult extends CheckOutcome {
  readonly atMs: number
  readonly tookMs: number
}

export interface Transition {
  readonly backend: string
  readonly from: Routable
  readonly to: Routable
  readonly because: string
  readonly atMs: number
  readonly wallMs: number
}

export interface Counters {
  requests: number
  /** Requests that it failed. */
  errors: number
  /** Of those, connections that never came about. */
  connectErrors: number
  /** Requests that went on to another server. */
  retries: number
  /** Bodies that broke and were continued elsewhere. */
  resumed: number
  clientAborts: number
  bytesIn: number
  bytesOut: number
  checksFailed: number
  timesDown: number
  transitions: number
  /** Answers by the first digit of their status. */
  readonly byStatusClass: [number, number, number, number, number, number]
}

/** Of a server that was never asked. */
export function noCounts(): Counters {
  return {
    requests: 0,
    errors: 0,
    connectErrors: 0,
    retries: 0,
    resumed: 0,
    clientAborts: 0,
    bytesIn: 0,
    bytesOut: 0,
    checksFailed: 0,
    timesDown: 0,
    transitions: 0,
    byStatusClass: [0, 0, 0, 0, 0, 0],
  }
}
