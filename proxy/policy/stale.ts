// Decides whether a failure of the origin may be covered by a stale entry, and names failures in nginx's words. Pure.
import type { ErrorCode } from '../errors.ts'

/** The conditions of nginx's proxy_cache_use_stale. */
export const staleConditions = [
  'error',
  'timeout',
  'invalid_header',
  'updating',
  'http_500',
  'http_502',
  'http_503',
  'http_504',
  'http_429',
] as const
export type StaleCondition = (typeof staleConditions)[number]

/** How asking the origin failed: it sent a status that says so, or it sent nothing usable. */
export type OriginFailure = { readonly status: number } | { readonly code: ErrorCode }

const timeouts: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'connect-timeout',
  'first-byte-timeout',
  'between-bytes-timeout',
  'deadline',
  'queue-timeout',
])

/** The condition a failure falls under; null when an answer is no failure (200, 404, 403, …). */
export function conditionOf(failure: OriginFailure): StaleCondition | null {
  if ('status' in failure) {
    const named = `http_${failure.status}` as StaleCondition
    return staleConditions.includes(named) ? named : null
  }
  if (failure.code === 'bad-header' || failure.code === 'error-document') return 'invalid_header'
  if (failure.code === 'slow-down') return 'http_503'
  return timeouts.has(failure.code) ? 'timeout' : 'error'
}

export function coversWithStale(failure: OriginFailure, useStale: readonly StaleCondition[]): boolean {
  const condition = conditionOf(failure)
  return condition !== null && useStale.includes(condition)
}

/** While the breaker is open the origin is known not to answer, whether by errors or by silence. */
export function coversOpenBreaker(useStale: readonly StaleCondition[]): boolean {
  return useStale.includes('error') || useStale.includes('timeout')
}
