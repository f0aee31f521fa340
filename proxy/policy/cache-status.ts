// Says in headers what the cache did and why: Cache-Status (RFC 9211) and nginx's X-Cache-Status. Pure.
import type { HeaderList } from '../object.ts'

export type CacheWord = 'HIT' | 'MISS' | 'EXPIRED' | 'STALE' | 'UPDATING' | 'REVALIDATED' | 'BYPASS'

/** How a request was answered. `because` is the name of the decision, unchanged from the policy that took it. */
export interface CacheOutcome {
  readonly word: CacheWord
  readonly because: string
  /** Freshness left in ms, negative once expired; absent when nothing stored answered. */
  readonly ttlMs?: number
  /** The status with which the origin answered, when it was asked. */
  readonly forwardedStatus?: number
  /** The answer is being stored. */
  readonly stored?: boolean
  /** It shared another request's fetch. */
  readonly collapsed?: boolean
  /** Name of the origin that was asked, or "none". */
  readonly backend: string
}

const forwarded: Readonly<Record<CacheWord, string>> = {
  HIT: 'hit',
  STALE: 'hit',
  UPDATING: 'hit',
  MISS: 'fwd=uri-miss',
  EXPIRED: 'fwd=stale',
  REVALIDATED: 'fwd=stale',
  BYPASS: 'fwd=bypass',
}

/** RFC 9211 §2: the parameters in the order of the specification, `detail` last. */
export function cacheStatus(cacheName: string, outcome: CacheOutcome): string {
  let value = `${cacheName}; ${forwarded[outcome.word]}`
  if (outcome.forwardedStatus !== undefined) value += `; fwd-status=${outcome.forwardedStatus}`
  if (outcome.ttlMs !== undefined) value += `; ttl=${Math.floor(outcome.ttlMs / 1000)}`
  if (outcome.stored) value += '; stored'
  if (outcome.collapsed) value += '; collapsed'
  return `${value}; detail=${outcome.because}`
}

/** The headers that every answer carries. */
export function statusHeaders(cacheName: string, outcome: CacheOutcome): HeaderList {
  return [
    'Cache-Status',
    cacheStatus(cacheName, outcome),
    'X-Cache-Status',
    outcome.word,
    'X-Backend',
    outcome.backend,
    'Via',
    `1.1 ${cacheName}`,
  ]
}

/** What clients and origins may not say in our name (lower-case). */
export const ownHeaders: ReadonlySet<string> = new Set(['cache-status', 'x-cache-status', 'x-backend', 'via'])
