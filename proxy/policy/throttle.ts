// Decides how many requests may be with S3 at once after it has asked for fewer (503, SlowDown): additive increase,
// multiplicative decrease, as TCP does it. Pure: time comes in as an argument.

export interface Throttle {
  /** Requests that may wait for an answer at once; Infinity while S3 takes everything. */
  readonly limit: number
  /** Time of the latest cut, monotonic ms: what was sent before can't have heeded it. */
  readonly cutMs: number
  /** What can wait does so until then, and the limit doesn't grow. */
  readonly heldUntilMs: number
}

export const unthrottled: Throttle = {
  limit: Number.POSITIVE_INFINITY,
  cutMs: Number.NEGATIVE_INFINITY,
  heldUntilMs: Number.NEGATIVE_INFINITY,
}

/** A request that S3 answered 503. */
export interface SlowDown {
  readonly sentMs: number
  /** Requests that were waiting for an answer, this one included. */
  readonly inFlight: number
  /** S3's Retry-After, ms; null when it gave none. */
  readonly retryAfterMs: number | null
}

/** S3 seldom says how long; this long then. */
const defaultHoldMs = 1000
/** Longest time for which a Retry-After is taken at its word. */
const maxHoldMs = 30_000

/** After a 503: half of what was under way, once for all that were sent before the last cut. At least one always may go. */
export function slowed(throttle: Throttle, slowDown: SlowDown, nowMs: number): Throttle {
  const holdMs = Math.min(slowDown.retryAfterMs ?? defaultHoldMs, maxHoldMs)
  const heldUntilMs = Math.max(throttle.heldUntilMs, nowMs + holdMs)
  if (slowDown.sentMs < throttle.cutMs) return { ...throttle, heldUntilMs }
  const used = Math.min(throttle.limit, slowDown.inFlight)
  return { limit: Math.max(1, Math.floor(used / 2)), cutMs: nowMs, heldUntilMs }
}

/** S3 begs off one request at a time: asking for less doesn't help, so that it counts as away. */
export function isSpent(throttle: Throttle, sentMs: number): boolean {
  return throttle.limit === 1 && sentMs >= throttle.cutMs
}

/** After an answer that was no 5xx: one more for each `limit` of them, and no limit any more from `ceiling` on. */
export function wentWell(throttle: Throttle, nowMs: number, ceiling: number): Throttle {
  if (throttle.limit === Number.POSITIVE_INFINITY || nowMs < throttle.heldUntilMs) return throttle
  const limit = throttle.limit + 1 / throttle.limit
  return { ...throttle, limit: limit >= ceiling ? Number.POSITIVE_INFINITY : limit }
}

/** May another request be sent? */
export function hasRoom(throttle: Throttle, inFlight: number): boolean {
  return inFlight < Math.floor(throttle.limit)
}

/** The seconds of a Retry-After as ms; null for none, or for a date (RFC 9110 §10.2.3), which S3 doesn't send. */
export function retryAfterMs(value: string | undefined): number | null {
  return value !== undefined && /^\d{1,6}$/.test(value) ? Number(value) * 1000 : null
}
