// Decides whether a server is up, from what its checks and its real traffic say. Pure: time comes in as an argument.
import type { ErrorCode } from '../errors.ts'

export interface HealthOptions {
  readonly interMs: number
  readonly fastInterMs: number
  readonly downInterMs: number
  /** Good checks in a row that bring it up, and failed ones that take it down. */
  readonly rise: number
  readonly fall: number
  /** See ObserveOptions and FlapOptions of the router. */
  readonly consecutiveErrors: number
  readonly errorRatio: number
  readonly minRequests: number
  readonly windowMs: number
  readonly flapCount: number
  readonly flapWindowMs: number
  readonly holdMs: number
  readonly maxHoldMs: number
}

export type HealthReason =
  | 'start'
  | 'checks-failed'
  | 'checks-passed'
  | 'errors-in-a-row'
  | 'silent-to-traffic'
  | 'error-ratio'
  | 'slow-outlier'

export interface Health {
  readonly state: 'up' | 'down'
  /** Of the last change of state. */
  readonly sinceMs: number
  readonly because: HealthReason
  /** Checks in a row that disagree with the state. */
  readonly streak: number
  /** False until the first check, which decides alone: a router that starts beside a dead server must not try it `fall` times. */
  readonly checked: boolean
  /** Requests in a row that failed hard, and those that stayed without an answer since anything was heard. */
  readonly errors: number
  readonly silent: number
  /** Of the silent ones, those that speak against the server without a check. */
  readonly mute: number
  readonly window: { readonly startMs: number; readonly requests: number; readonly errors: number }
  /** When it was marked down lately, for flap damping. */
  readonly downs: readonly number[]
  /** A flapping server does not come up before. */
  readonly heldUntilMs: number
}

/**
 * What a failed request says of a server.
 * hard: the server itself refused or broke the connection ·
 * mute: what it should have answered by itself got no byte, nor did anything else since: it hangs ·
 * soft: it may only have relayed trouble from behind it (a miss that S3 never answered): believed when a check agrees ·
 * none: says nothing of the server.
 */
export type Suspicion = 'hard' | 'mute' | 'soft' | 'none'

const hard: ReadonlySet<ErrorCode> = new Set([
  'connect-refused',
  'tls-failed',
  'reset',
  'closed-early',
  'bad-header',
])
/** Slowness among them: a machine short of CPU lets everything time out, and is not helped by giving servers up. */
const soft: ReadonlySet<ErrorCode> = new Set([
  'dns-failed',
  'connect-timeout',
  'first-byte-timeout',
  'between-bytes-timeout',
  'truncated',
  'overlong',
])

/** `afterHead`: the answer had begun. A cache node cuts a body it can't complete, so a cut says little of the node. */
export function suspicion(code: ErrorCode, afterHead: boolean): Suspicion {
  if (hard.has(code)) return afterHead ? 'soft' : 'hard'
  return soft.has(code) ? 'soft' : 'none'
}

/** Up until something speaks against it. */
export function startHealth(nowMs: number): Health {
  const window = { startMs: nowMs, requests: 0, errors: 0 }
  const counters = { streak: 0, errors: 0, silent: 0, mute: 0, window }
  return {
    state: 'up',
    sinceMs: nowMs,
    because: 'start',
    checked: false,
    downs: [],
    heldUntilMs: nowMs,
    ...counters,
  }
}

/**
 * The health after a check. `replaceable`: another server is up to take over. Without one, traffic's word is not
 * enough: a server that answers some requests is better than none.
 */
export function afterCheck(
  health: Health,
  ok: boolean,
  nowMs: number,
  options: HealthOptions,
  replaceable: boolean,
): Health {
  const heard = { ...health, checked: true, ...(ok ? { errors: 0, silent: 0, mute: 0 } : {}) }
  const agrees = ok === (health.state === 'up')
  if (agrees) return { ...heard, streak: 0 }
  const streak = health.streak + 1
  if (ok) {
    const enough = (!health.checked || streak >= options.rise) && nowMs >= health.heldUntilMs
    return enough ? up(heard, nowMs) : { ...heard, streak }
  }
  if (replaceable && isSilent(health, options)) return down(heard, 'silent-to-traffic', nowMs, options)
  const enough = !health.checked || streak >= options.fall
  return enough ? down(heard, 'checks-failed', nowMs, options) : { ...heard, streak }
}

/** The health after a request. Traffic can only take a replaceable server down; checks bring it up. */
export function afterTraffic(
  health: Health,
  failed: Suspicion | null,
  nowMs: number,
  options: HealthOptions,
  replaceable: boolean,
): Health {
  if (failed === 'none') return health
  const window = counted(health.window, failed !== null, nowMs, options)
  if (failed === null) {
    return { ...health, errors: 0, silent: 0, mute: 0, window }
  }
  const errors = failed === 'hard' ? health.errors + 1 : health.errors
  const silent = failed === 'hard' ? health.silent : health.silent + 1
  const mute = failed === 'mute' ? health.mute + 1 : health.mute
  const seen = { ...health, errors, silent, mute, window }
  const because = replaceable && health.state === 'up' ? marksDown(seen, options) : null
  return because === null ? seen : down(seen, because, nowMs, options)
}

/** Takes a server down for being far slower than its peers. */
export function afterOutlier(health: Health, nowMs: number, options: HealthOptions): Health {
  return health.state === 'up' ? down(health, 'slow-outlier', nowMs, options) : health
}

/** When to check next: fast while something disagrees with the state. */
export function checkIntervalMs(health: Health, options: HealthOptions): number {
  if (health.streak > 0 || !health.checked) return options.fastInterMs
  if (health.state === 'down') return options.downInterMs
  return health.errors + health.silent > 0 ? options.fastInterMs : options.interMs
}

/** Marked down so often lately that it is held down longer than its checks ask for. */
export function isFlapping(health: Health, nowMs: number, options: HealthOptions): boolean {
  return health.downs.filter((atMs) => nowMs - atMs < options.flapWindowMs).length >= options.flapCount
}

function marksDown(health: Health, options: HealthOptions): HealthReason | null {
  if (options.consecutiveErrors > 0 && health.errors >= options.consecutiveErrors) return 'errors-in-a-row'
  const hangs = options.consecutiveErrors > 0 && health.mute >= options.consecutiveErrors
  if (hangs || (health.streak > 0 && isSilent(health, options))) return 'silent-to-traffic'
  const { requests, errors } = health.window
  const tooMany = options.errorRatio < 1 && requests >= options.minRequests
  return tooMany && errors >= options.errorRatio * requests ? 'error-ratio' : null
}

/** As many requests as make errors in a row got no answer, and nothing was heard meanwhile. */
function isSilent({ silent }: Health, { consecutiveErrors }: HealthOptions): boolean {
  return consecutiveErrors > 0 && silent >= consecutiveErrors
}

function counted(window: Health['window'], failed: boolean, nowMs: number, options: HealthOptions) {
  const fresh = nowMs - window.startMs < options.windowMs
  const { startMs, requests, errors } = fresh ? window : { startMs: nowMs, requests: 0, errors: 0 }
  return { startMs, requests: requests + 1, errors: errors + (failed ? 1 : 0) }
}

function up(health: Health, nowMs: number): Health {
  return changed(health, 'up', 'checks-passed', nowMs)
}

function down(health: Health, because: HealthReason, nowMs: number, options: HealthOptions): Health {
  const downs = [...health.downs.filter((atMs) => nowMs - atMs < options.flapWindowMs), nowMs]
  const times = downs.length - options.flapCount
  const holdMs = times < 0 ? 0 : Math.min(options.maxHoldMs, options.holdMs * 2 ** times)
  return { ...changed(health, 'down', because, nowMs), downs, heldUntilMs: nowMs + holdMs }
}

function changed(health: Health, state: 'up' | 'down', because: HealthReason, nowMs: number): Health {
  const window = { startMs: nowMs, requests: 0, errors: 0 }
  return { ...health, state, because, sinceMs: nowMs, streak: 0, errors: 0, silent: 0, mute: 0, window }
}
