// Decides whether a request whose attempt ended badly may be tried on another server, and whether the budget allows
// it. Pure: time comes in as an argument.
import type { ErrorCode } from '../errors.ts'

/** How an attempt ended: with the head of an answer, or without one. */
export type AttemptEnd =
  | { readonly kind: 'answered'; readonly status: number; readonly byCacheNode: boolean }
  | { readonly kind: 'failed'; readonly code: ErrorCode }

export interface RetryView {
  readonly method: string
  /** The request's body has begun to be read: it can't be sent again, and what was sent may have acted. */
  readonly bodyTouched: boolean
  /** Servers tried so far. */
  readonly attempts: number
}

export type RetryDecision =
  | { readonly kind: 'answer' }
  /** `free`: repeats no work at the far side, so the budget isn't asked. */
  | { readonly kind: 'retry'; readonly because: ErrorCode | `status-${number}`; readonly free: boolean }
  | { readonly kind: 'give-up'; readonly because: ErrorCode | 'may-have-acted' | 'too-many-attempts' }

/** Nothing of the request reached a server. */
const notSent: ReadonlySet<ErrorCode> = new Set([
  'dns-failed',
  'connect-refused',
  'connect-timeout',
  'tls-failed',
  'breaker-open',
])
/** The server is gone with all it had done, so that asking another one repeats nothing. */
const serverGone: ReadonlySet<ErrorCode> = new Set(['reset', 'closed-early'])
/** Nobody waits any more; or the server is up but busy, and its load must not spill over to S3. */
const final: ReadonlySet<ErrorCode> = new Set([
  'deadline',
  'superseded',
  'client-gone',
  'bad-request',
  'denied',
  'queue-full',
  'queue-timeout',
])

/** Asking again does no harm (RFC 9110 §9.2.1); OPTIONS is what browsers ask before they read from elsewhere. */
const safeMethods: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS'])

/** What to do after an attempt. A 502, 503 or 504 is tried elsewhere only when it comes from a cache node: S3's own word is final. */
export function afterAttempt(end: AttemptEnd, view: RetryView, maxAttempts: number): RetryDecision {
  const isSafe = safeMethods.has(view.method)
  if (end.kind === 'answered') {
    const elsewhere = isSafe && end.byCacheNode && end.status >= 502 && end.status <= 504
    if (!elsewhere || view.attempts >= maxAttempts) return { kind: 'answer' }
    return { kind: 'retry', because: `status-${end.status}`, free: false }
  }
  if (final.has(end.code)) return { kind: 'give-up', because: end.code }
  const harmless = isSafe || notSent.has(end.code)
  if (!harmless || view.bodyTouched) return { kind: 'give-up', because: 'may-have-acted' }
  if (view.attempts >= maxAttempts) return { kind: 'give-up', because: 'too-many-attempts' }
  return { kind: 'retry', because: end.code, free: notSent.has(end.code) || serverGone.has(end.code) }
}

/** A bucket of retries: requests fill it by `ratio` each, and time by `perSecond`; it holds ten seconds' worth. */
export interface Budget {
  readonly fromRequests: number
  readonly fromTime: number
  readonly atMs: number
}

export interface BudgetOptions {
  readonly ratio: number
  readonly perSecond: number
  /** Requests whose share is kept at most. */
  readonly maxRequests: number
}

const reserveSeconds = 10

/** A full time share, so that a router that has just started can retry. */
export function startBudget(nowMs: number, options: BudgetOptions): Budget {
  return { fromRequests: 0, fromTime: options.perSecond * reserveSeconds, atMs: nowMs }
}

/** The budget after one request. */
export function earned(budget: Budget, options: BudgetOptions): Budget {
  const fromRequests = Math.min(options.ratio * options.maxRequests, budget.fromRequests + options.ratio)
  return fromRequests === budget.fromRequests ? budget : { ...budget, fromRequests }
}

/** Takes one retry from the budget, if there is one. */
export function spend(
  budget: Budget,
  nowMs: number,
  options: BudgetOptions,
): { granted: boolean; budget: Budget } {
  const gained = (options.perSecond * (nowMs - budget.atMs)) / 1000
  const fromTime = Math.min(options.perSecond * reserveSeconds, budget.fromTime + gained)
  const now = { ...budget, fromTime, atMs: nowMs }
  if (fromTime >= 1) return { granted: true, budget: { ...now, fromTime: fromTime - 1 } }
  if (now.fromRequests >= 1) return { granted: true, budget: { ...now, fromRequests: now.fromRequests - 1 } }
  return { granted: false, budget: now }
}
