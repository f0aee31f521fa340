// One server as the router knows it: its connections, its health, its downtime, and what it did. Flow.
// The only place where a server's state changes.
import type { ErrorCode } from '../errors.ts'
import { headerValue } from '../object.ts'
import type { Candidate, Routable } from '../policy/failover.ts'
import {
  afterCheck,
  afterTraffic,
  checkIntervalMs,
  type Health,
  type HealthOptions,
  startHealth,
  suspicion,
} from '../policy/health.ts'
import { type Downtime, downtimeMs, missedAt, noDowntime, reachedAt } from '../policy/health-downtime.ts'
import type { Clock, Origin, OriginResponse } from '../ports.ts'
import type { RouterOptions, ServerOptions } from './options.ts'

/** What an operator asked for: `drain` finishes what is running and takes nothing new; `maint` isn't even checked. */
export type Mode = 'ready' | 'drain' | 'maint'

export interface CheckResult {
  readonly ok: boolean
  /** As a person reads it: "403 in 3 ms", "connect-refused". */
  readonly text: string
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
  errors: number
  retries: number
  bytesIn: number
  bytesOut: number
  transitions: number
}

export class Backend implements Candidate {
  readonly name: string
  readonly backup: boolean
  readonly server: ServerOptions
  readonly origin: Origin
  readonly counters: Counters = {
    requests: 0,
    errors: 0,
    retries: 0,
    bytesIn: 0,
    bytesOut: 0,
    transitions: 0,
  }
  /** Requests whose body hasn't ended. */
  inFlight = 0
  /** Called when something spoke against it, so that the next check comes soon. */
  onSuspicion: () => void = () => {}
  readonly #clock: Clock
  readonly #options: HealthOptions
  readonly #onTransition: (transition: Transition) => void
  #health: Health
  #downtime: Downtime = noDowntime
  #mode: Mode = 'ready'
  #modeSinceMs: number
  #lastCheck: CheckResult | null = null

  constructor(
    server: ServerOptions,
    origin: Origin,
    router: RouterOptions,
    clock: Clock,
    onTransition: (transition: Transition) => void,
  ) {
    this.name = server.name
    this.backup = server.backup
    this.server = server
    this.origin = origin
    this.#clock = clock
    this.#options = healthOptions(server, router)
    this.#onTransition = onTransition
    this.#health = startHealth(clock.monotonicMs())
    this.#modeSinceMs = clock.monotonicMs()
  }

  get routable(): Routable {
    return this.#mode === 'ready' ? this.#health.state : this.#mode
  }

  get mode(): Mode {
    return this.#mode
  }

  get health(): Health {
    return this.#health
  }

  get lastCheck(): CheckResult | null {
    return this.#lastCheck
  }

  /** Monotonic time since which it has been what it is. */
  get sinceMs(): number {
    return this.#mode === 'ready' ? Math.max(this.#health.sinceMs, this.#modeSinceMs) : this.#modeSinceMs
  }

  get because(): string {
    return this.#mode === 'ready' ? this.#health.because : 'operator'
  }

  get downtimeMs(): number {
    return downtimeMs(this.#downtime, this.#clock.monotonicMs())
  }

  get nextCheckMs(): number {
    return checkIntervalMs(this.#health, this.#options)
  }

  /** Sets what an operator asked for. */
  setMode(mode: Mode): void {
    const from = this.routable
    this.#mode = mode
    this.#modeSinceMs = this.#clock.monotonicMs()
    this.#announce(from, 'operator')
  }

  /** A check that began at `startedMs` ended. */
  checked(ok: boolean, text: string, startedMs: number): void {
    const nowMs = this.#clock.monotonicMs()
    this.#lastCheck = { ok, text, atMs: nowMs, tookMs: nowMs - startedMs }
    this.#evidence(ok, startedMs)
    this.#become(afterCheck(this.#health, ok, nowMs, this.#options))
  }

  /**
   * An answer's head came to a request sent at `startedMs`. A cache node that relays its origin's failure is well
   * itself; S3 that says 503 is away for its readers (for how long, its checks tell).
   */
  headArrived(response: OriginResponse, startedMs: number): void {
    const relays = !this.backup && headerValue(response.headers, 'x-cache-status') !== undefined
    if (failureStatuses.has(response.status) && !relays) {
      this.counters.errors++
      this.#doubted('soft', startedMs)
      return
    }
    this.#evidence(true, startedMs)
    if (this.server.check === null) return
    this.#become(afterTraffic(this.#health, null, this.#clock.monotonicMs(), this.#options))
  }

  /** A request sent at `startedMs` failed. `afterHead`: while its body was coming. */
  failed(code: ErrorCode, startedMs: number, afterHead: boolean): void {
    const doubt = suspicion(code, afterHead)
    if (doubt === 'none') return
    this.counters.errors++
    this.#doubted(doubt, afterHead ? this.#clock.monotonicMs() : startedMs)
  }

  #doubted(doubt: 'hard' | 'soft', badMs: number): void {
    this.#evidence(false, badMs)
    if (this.server.check === null) return
    this.#become(afterTraffic(this.#health, doubt, this.#clock.monotonicMs(), this.#options))
    this.onSuspicion()
  }

  #evidence(good: boolean, sentMs: number): void {
    this.#downtime = good
      ? reachedAt(this.#downtime, this.#clock.monotonicMs())
      : missedAt(this.#downtime, sentMs)
  }

  #become(health: Health): void {
    const from = this.routable
    this.#health = health
    this.#announce(from, health.because)
  }

  #announce(from: Routable, because: string): void {
    const to = this.routable
    if (from === to) return
    this.counters.transitions++
    const atMs = this.#clock.monotonicMs()
    this.#onTransition({ backend: this.name, from, to, because, atMs, wallMs: this.#clock.wallMs() })
  }
}

const failureStatuses: ReadonlySet<number> = new Set([500, 502, 503, 504])
const unchecked = { interMs: 0, fastInterMs: 0, downInterMs: 0, rise: 1, fall: 1 }

function healthOptions(server: ServerOptions, router: RouterOptions): HealthOptions {
  const { interMs, fastInterMs, downInterMs, rise, fall } = server.check ?? unchecked
  const { consecutiveErrors, errorRatio, minRequests, windowMs } = router.observe
  const { count: flapCount, windowMs: flapWindowMs, holdMs, maxHoldMs } = router.flap
  const checks = { interMs, fastInterMs, downInterMs, rise, fall }
  const traffic = { consecutiveErrors, errorRatio, minRequests, windowMs }
  return { ...checks, ...traffic, flapCount, flapWindowMs, holdMs, maxHoldMs }
}
