// One server as the router knows it: its connections, its health, its downtime, and what it did. Flow.
// The only place where a server's state changes.

import { type TurnOptions, Turns } from '../cache/turns.ts'
import type { ErrorCode } from '../errors.ts'
import type { Candidate, Routable } from '../policy/failover.ts'
import {
  afterCheck,
  afterOutlier,
  afterTraffic,
  checkIntervalMs,
  type Health,
  type HealthOptions,
  isFlapping,
  startHealth,
  suspicion,
} from '../policy/health.ts'
import {
  confirmed,
  type Downtime,
  downtimeMs,
  missedAt,
  noDowntime,
  reachedAt,
} from '../policy/health-downtime.ts'
import { type Latency, noLatency, withSample } from '../policy/health-latency.ts'
import type { Clock, Origin, OriginRequest, OriginResponse, Receiver } from '../ports.ts'
import { speaksForItself } from './answer.ts'
import {
  type CheckOutcome,
  type CheckResult,
  type Counters,
  type Mode,
  noCounts,
  type Transition,
} from './backend-record.ts'
import { DueQueue } from './due.ts'
import { Gate } from './gate.ts'
import type { RouterOptions, ServerOptions, Timing } from './options.ts'
import { Rate } from './rate.ts'

export interface BackendPorts {
  readonly clock: Clock
  readonly timing: () => Timing
}

export interface BackendHooks {
  onTransition(transition: Transition): void
  /** Is it far slower than its peers? */
  isOutlier(): boolean
  /** Is another server up to take over? */
  isReplaceable(): boolean
}

export class Backend implements Candidate {
  readonly name: string
  readonly backup: boolean
  readonly server: ServerOptions
  readonly origin: Origin
  readonly gate: Gate
  /** A read that is silent for so long makes the router look around; these reads are waited for. */
  readonly quietMs: number
  readonly quiet: DueQueue
  /** Of S3 itself, which may beg off (503, SlowDown); null for a cache node, which has its own towards S3. */
  readonly turns: Turns | null
  counters: Counters = noCounts()
  readonly rate: Rate
  /** Times to the head of an answer. */
  firstByte: Timing
  latency: Latency = noLatency
  /** Called when something spoke against it, so that the next check comes soon. */
  onSuspicion: () => void = () => {}
  readonly #clock: Clock
  readonly #options: HealthOptions
  readonly #hooks: BackendHooks
  #health: Health
  #downtime: Downtime = noDowntime
  #mode: Mode = 'ready'
  #modeSinceMs: number
  #lastCheck: CheckResult | null = null

  constructor(
    server: ServerOptions,
    origin: Origin,
    router: RouterOptions,
    ports: BackendPorts,
    hooks: BackendHooks,
  ) {
    const { clock, timing } = ports
    this.name = server.name
    this.backup = server.backup
    this.server = server
    this.origin = origin
    this.gate = new Gate(server.maxConnections, router.queue, clock)
    this.quietMs = quietMs(server, router)
    this.quiet = new DueQueue(this.quietMs, clock)
    this.turns = server.backup ? new Turns(turnOptions(server, router), clock) : null
    this.firstByte = timing()
    this.rate = new Rate(clock)
    this.#clock = clock
    this.#options = healthOptions(server, router)
    this.#hooks = hooks
    this.#health = startHealth(clock.monotonicMs())
    this.#modeSinceMs = clock.monotonicMs()
  }

  /**
   * Takes over what is known of the same server from before a reload, and counts on with it: requests that are under way
   * still belong to it. Without checks nothing would ever bring a server up that was down.
   */
  inherit(known: Backend): void {
    if (this.server.check !== null) this.#health = known.#health
    this.#downtime = known.#downtime
    this.#mode = known.#mode
    this.#modeSinceMs = known.#modeSinceMs
    this.#lastCheck = known.#lastCheck
    this.latency = known.latency
    this.firstByte = known.firstByte
    this.counters = known.counters
  }

  /** Sends a request; a read in its turn. */
  ask(request: OriginRequest): Promise<OriginResponse> {
    const { turns } = this
    const isRead = request.method === 'GET' || request.method === 'HEAD'
    return turns !== null && isRead ? this.#askInTurn(turns, request) : this.origin.fetch(request)
  }

  /** As `ask`; `receiver` is told, at once where the origin can do that. */
  send(request: OriginRequest, receiver: Receiver): void {
    if (this.turns === null && this.origin.send !== undefined) this.origin.send(request, receiver)
    else {
      this.ask(request).then(
        (response) => receiver.answered(response),
        (error) => receiver.failed(error),
      )
    }
  }

  async #askInTurn(turns: Turns, request: OriginRequest): Promise<OriginResponse> {
    const turn = turns.enter(request.signal)
    if (turn !== null) await turn
    const sentMs = this.#clock.monotonicMs()
    try {
      const response = await this.origin.fetch(request)
      turns.heard(response, sentMs)
      return response
    } finally {
      turns.leave()
    }
  }

  /** Requests that hold one of its connections. */
  get inFlight(): number {
    return this.gate.taken
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

  /** Marked down so often lately that it is held down longer than its checks ask for. */
  get flapping(): boolean {
    return isFlapping(this.#health, this.#clock.monotonicMs(), this.#options)
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
  checked(seen: CheckOutcome, startedMs: number): void {
    const { ok } = seen
    const nowMs = this.#clock.monotonicMs()
    this.#lastCheck = { ...seen, atMs: nowMs, tookMs: nowMs - startedMs }
    if (!ok) this.counters.checksFailed++
    if (seen.error === 'check-timeout' && this.answeredSince(startedMs)) return
    if (ok && this.latency.samples === 0) this.latency = withSample(noLatency, nowMs - startedMs)
    this.#evidence(ok, startedMs)
    this.#become(afterCheck(this.#health, ok, nowMs, this.#options, this.#hooks.isReplaceable()))
  }

  /** Who answers others is slow, not silent. */
  answeredSince(startedMs: number): boolean {
    return (this.#downtime.lastGoodMs ?? -1) > startedMs
  }

  /**
   * An answer's head came to a request sent at `startedMs`. A cache node that relays its origin's failure is well
   * itself; S3 that says 503 is away for its readers (for how long, its checks tell).
   */
  headArrived(response: OriginResponse, startedMs: number): void {
    const nowMs = this.#clock.monotonicMs()
    const tookMs = nowMs - startedMs
    this.firstByte.record(tookMs)
    this.counters.byStatusClass[Math.floor(response.status / 100)]!++
    if (failureStatuses.has(response.status) && !speaksForItself(response.headers, this)) {
      this.counters.errors++
      this.#doubted('soft', startedMs)
      return
    }
    this.latency = withSample(this.latency, tookMs)
    this.#downtime = reachedAt(this.#downtime, nowMs)
    if (this.server.check === null) return
    this.#become(afterTraffic(this.#health, null, nowMs, this.#options, false))
    if (this.#hooks.isOutlier()) this.#slow(nowMs)
  }

  /** A request sent at `startedMs` failed. `afterHead`: while its body was coming. */
  failed(code: ErrorCode, startedMs: number, afterHead: boolean): void {
    if (code === 'client-gone') this.counters.clientAborts++
    const doubt = suspicion(code, afterHead)
    if (doubt === 'none') return
    this.counters.errors++
    if (connectCodes.has(code)) this.counters.connectErrors++
    this.#doubted(doubt, startedMs)
  }

  /** What made it slow is forgotten with it: when it comes up again it is measured anew. */
  #slow(nowMs: number): void {
    this.latency = noLatency
    this.#become(afterOutlier(this.#health, nowMs, this.#options))
  }

  /** A request sent at `sentMs` has no answer yet, though it should. `isHit`: the server needs nobody else to answer it. */
  silent(sentMs: number, isHit: boolean): void {
    this.counters.errors++
    this.#doubted(isHit && !this.answeredSince(sentMs) ? 'mute' : 'soft', sentMs)
  }

  #doubted(doubt: 'hard' | 'mute' | 'soft', badMs: number): void {
    this.#evidence(false, badMs)
    if (this.server.check === null) return
    const nowMs = this.#clock.monotonicMs()
    this.#become(afterTraffic(this.#health, doubt, nowMs, this.#options, this.#hooks.isReplaceable()))
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
    if (health.state === 'down') this.#downtime = confirmed(this.#downtime)
    this.#announce(from, health.because)
  }

  #announce(from: Routable, because: string): void {
    const to = this.routable
    if (from === to) return
    this.counters.transitions++
    if (to === 'down') this.counters.timesDown++
    const atMs = this.#clock.monotonicMs()
    this.#hooks.onTransition({ backend: this.name, from, to, because, atMs, wallMs: this.#clock.wallMs() })
  }
}

const failureStatuses: ReadonlySet<number> = new Set([500, 502, 503, 504])
const connectCodes: ReadonlySet<ErrorCode> = new Set([
  'dns-failed',
  'connect-refused',
  'connect-timeout',
  'tls-failed',
])
const unchecked = { interMs: 0, fastInterMs: 0, downInterMs: 0, rise: 1, fall: 1 }

/** Half the deadline for a turn; the rest is for the answer. */
function turnOptions({ maxConnections }: ServerOptions, { deadlineMs }: RouterOptions): TurnOptions {
  return { ceiling: maxConnections, waitMs: deadlineMs / 2 }
}

function quietMs({ timeouts }: ServerOptions, { hedge }: RouterOptions): number {
  return hedge.enabled ? Math.min(hedge.afterMs, timeouts.firstByteMs) : timeouts.firstByteMs
}

function healthOptions(server: ServerOptions, router: RouterOptions): HealthOptions {
  const { interMs, fastInterMs, downInterMs, rise, fall } = server.check ?? unchecked
  const { consecutiveErrors, errorRatio, minRequests, windowMs } = router.observe
  const { count: flapCount, windowMs: flapWindowMs, holdMs, maxHoldMs } = router.flap
  const checks = { interMs, fastInterMs, downInterMs, rise, fall }
  const traffic = { consecutiveErrors, errorRatio, minRequests, windowMs }
  return { ...checks, ...traffic, flapCount, flapWindowMs, holdMs, maxHoldMs }
}
