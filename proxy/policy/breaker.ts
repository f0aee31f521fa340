// Decides whether a call to a failing origin may be made at all: a circuit breaker. Pure: time comes in as an argument.

/** How a call ended: answered in time, answered but too late to be useful, or not answered (refused, reset, timeout, 5xx). */
export type CallOutcome = 'ok' | 'slow' | 'dead'

export interface BreakerOptions {
  /** Calls without an answer, in a row, that open the breaker. */
  readonly deadCalls: number
  /** Slow answers in a row that open it; 0 never does. An answer counts as slow from `slowMs`. */
  readonly slowCalls: number
  readonly slowMs: number
  /** How long it stays open before one call may probe; a probe that never reports is given up after the same time. */
  readonly openMs: number
}

export const defaultBreaker: BreakerOptions = { deadCalls: 5, slowCalls: 0, slowMs: 1000, openMs: 1000 }

export type Breaker =
  | { readonly kind: 'closed'; readonly dead: number; readonly slow: number }
  | { readonly kind: 'open'; readonly because: 'dead' | 'slow'; readonly untilMs: number }
  | { readonly kind: 'half-open'; readonly because: 'dead' | 'slow'; readonly untilMs: number }

export const closedBreaker: Breaker = { kind: 'closed', dead: 0, slow: 0 }

/** `pass`: call freely · `probe`: the one call that tests an open breaker · `refuse`: answer without calling. */
export type Admission =
  | { readonly kind: 'pass' | 'probe'; readonly breaker: Breaker }
  | {
      readonly kind: 'refuse'
      readonly because: 'breaker-open'
      readonly origin: 'dead' | 'slow'
      readonly retryAfterMs: number
      readonly breaker: Breaker
    }

/** May a call be made now? Keep the returned breaker, and hand the admission's kind to `reported` when the call ends. */
export function admitted(breaker: Breaker, nowMs: number, options: BreakerOptions): Admission {
  if (breaker.kind === 'closed') return { kind: 'pass', breaker }
  if (nowMs < breaker.untilMs) {
    const retryAfterMs = breaker.untilMs - nowMs
    return { kind: 'refuse', because: 'breaker-open', origin: breaker.because, retryAfterMs, breaker }
  }
  const untilMs = nowMs + options.openMs
  return { kind: 'probe', breaker: { kind: 'half-open', because: breaker.because, untilMs } }
}

/**
 * The breaker after a call ended. Only the probe moves a breaker that isn't closed: calls let through before
 * it opened come home late and say nothing of now.
 */
export function reported(
  breaker: Breaker,
  call: 'pass' | 'probe',
  outcome: CallOutcome,
  nowMs: number,
  options: BreakerOptions,
): Breaker {
  if (breaker.kind === 'closed') return call === 'pass' ? counted(breaker, outcome, nowMs, options) : breaker
  if (call === 'pass' || breaker.kind === 'open') return breaker
  if (outcome === 'ok' || (outcome === 'slow' && options.slowCalls === 0)) return closedBreaker
  return { kind: 'open', because: outcome, untilMs: nowMs + options.openMs }
}

/** Names a call that was answered after `tookMs`. */
export function answeredIn(tookMs: number, options: BreakerOptions): 'ok' | 'slow' {
  return options.slowCalls > 0 && tookMs >= options.slowMs ? 'slow' : 'ok'
}

function counted(
  breaker: Breaker & { kind: 'closed' },
  outcome: CallOutcome,
  nowMs: number,
  options: BreakerOptions,
): Breaker {
  if (outcome === 'ok') return breaker.dead + breaker.slow === 0 ? breaker : closedBreaker
  const dead = outcome === 'dead' ? breaker.dead + 1 : 0
  const slow = outcome === 'slow' ? breaker.slow + 1 : breaker.slow
  const untilMs = nowMs + options.openMs
  if (dead >= options.deadCalls) return { kind: 'open', because: 'dead', untilMs }
  if (options.slowCalls > 0 && slow >= options.slowCalls) return { kind: 'open', because: 'slow', untilMs }
  return { kind: 'closed', dead, slow }
}
