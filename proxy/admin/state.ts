// What the router tells of itself, as JSON-safe data. Scripts and the harness read it: fields are only ever added.
import { type AddressState, addressState } from '../policy/address-health.ts'
import type { Clock } from '../ports.ts'
import type { Backend } from '../router/backend.ts'
import type { Transition } from '../router/backend-record.ts'
import type { Timing } from '../router/options.ts'
import type { Router } from '../router/route.ts'

export interface Quantiles {
  readonly p50: number
  readonly p90: number
  readonly p99: number
}

export interface CheckState {
  readonly ok: boolean
  readonly result: string
  readonly status: number | null
  readonly error: string | null
  /** Wall time, ms. */
  readonly at: number
  readonly tookMs: number
}

export interface BackendState {
  readonly name: string
  readonly url: string
  readonly backup: boolean
  readonly state: 'up' | 'down' | 'drain' | 'maint'
  /** Wall time of the last change, ms. */
  readonly since: number
  readonly because: string
  readonly flapping: boolean
  /** Changes of state since the router began. */
  readonly transitions: number
  readonly timesDown: number
  /** Estimated time unreachable, from evidence, ms. */
  readonly downtimeMs: number
  /** null: not checked. `streak`: results in a row that disagree with the state. */
  readonly check: { readonly rise: number; readonly fall: number; readonly streak: number } | null
  readonly lastCheck: CheckState | null
  readonly checksFailed: number
  readonly inFlight: number
  readonly maxInFlight: number
  readonly maxConnections: number
  /** Reads that may wait for its answer at once since it begged off (503, SlowDown); null: any number. */
  readonly requestLimit: number | null
  readonly queued: number
  readonly maxQueued: number
  readonly requests: number
  readonly perSecond: number
  readonly maxPerSecond: number
  readonly errors: number
  readonly connectErrors: number
  readonly retries: number
  readonly resumed: number
  readonly clientAborts: number
  readonly bytesIn: number
  readonly bytesOut: number
  /** Answers 1xx to 5xx, at index 1 to 5. */
  readonly byStatusClass: readonly number[]
  /** Of the last one or two minutes. */
  readonly firstByteMs: Quantiles
  readonly averageFirstByteMs: number
  /** Empty until the first connection, and for a server in the same process. */
  readonly addresses: readonly AddressState[]
}

export interface TotalsState {
  readonly startedAt: number
  readonly requests: number
  readonly perSecond: number
  readonly maxPerSecond: number
  readonly refused: number
  readonly memoryHits: number
  readonly inFlight: number
  readonly maxInFlight: number
  readonly bytesOut: number
  readonly byStatusClass: readonly number[]
  readonly firstByteMs: Quantiles
}

export interface RouterState {
  readonly name: string
  /** Wall time, ms. */
  readonly now: number
  readonly totals: TotalsState
  readonly backends: readonly BackendState[]
}

export interface FullRouterState extends RouterState {
  /** The latest changes of state, oldest first. */
  readonly transitions: readonly Transition[]
}

/** The state at this moment. */
export function routerState(router: Router, clock: Clock): RouterState {
  const now = clock.wallMs()
  const toWall = (monotonicMs: number) => Math.round(now - clock.monotonicMs() + monotonicMs)
  const { fleet } = router
  const backends = fleet.backends.map((backend) => backendState(backend, toWall))
  return { name: fleet.options.name, now, totals: totalsState(router), backends }
}

/** The state with the changes that led to it. */
export function fullRouterState(router: Router, clock: Clock): FullRouterState {
  return { ...routerState(router, clock), transitions: router.fleet.journal.transitions }
}

function totalsState({ fleet: { totals } }: Router): TotalsState {
  const {
    startedWallMs,
    rate,
    firstByte,
    requests,
    refused,
    memoryHits,
    inFlight,
    maxInFlight,
    bytesOut,
    byStatusClass,
  } = totals
  return {
    startedAt: startedWallMs,
    requests,
    perSecond: rate.perSecond(),
    maxPerSecond: rate.max,
    refused,
    memoryHits,
    inFlight,
    maxInFlight,
    bytesOut,
    byStatusClass,
    firstByteMs: quantiles(firstByte),
  }
}

function backendState(backend: Backend, toWall: (monotonicMs: number) => number): BackendState {
  const { name, backup, because, flapping, inFlight, gate, health, server, rate, latency, lastCheck } =
    backend
  const { check } = server
  return {
    name,
    url: server.url,
    backup,
    state: backend.routable,
    since: toWall(backend.sinceMs),
    because,
    flapping,
    downtimeMs: Math.round(backend.downtimeMs),
    check: check && { rise: check.rise, fall: check.fall, streak: health.streak },
    lastCheck: lastCheck && {
      ok: lastCheck.ok,
      result: lastCheck.text,
      status: lastCheck.status,
      error: lastCheck.error,
      at: toWall(lastCheck.atMs),
      tookMs: rounded(lastCheck.tookMs),
    },
    inFlight,
    maxInFlight: gate.maxTaken,
    maxConnections: server.maxConnections,
    requestLimit: backend.turns?.state.limit ?? null,
    queued: gate.queued,
    maxQueued: gate.maxQueued,
    perSecond: rate.perSecond(),
    maxPerSecond: rate.max,
    ...backend.counters,
    firstByteMs: quantiles(backend.firstByte),
    averageFirstByteMs: rounded(latency.averageMs),
    addresses: (backend.origin.addresses?.() ?? []).map((one) => addressState(one, toWall(one.sinceMs))),
  }
}

function quantiles(timing: Timing): Quantiles {
  const [p50, p90, p99] = [0.5, 0.9, 0.99].map((q) => rounded(timing.quantile(q)))
  return { p50: p50!, p90: p90!, p99: p99! }
}

function rounded(ms: number): number {
  return Math.round(ms * 100) / 100
}
