// Decides whether a stored entry may answer a request now, and whether the origin is to be asked. Pure.
import type { StoredEntry } from '../object.ts'
import { coversOpenBreaker, type StaleCondition } from './stale.ts'

/** What the breaker says of the origin: ask freely, one probe may ask, nobody may ask. */
export type OriginAccess = 'pass' | 'probe' | 'refuse'

export type Reuse =
  | { readonly kind: 'miss'; readonly because: 'cold' }
  | { readonly kind: 'hit'; readonly ttlMs: number }
  /** Serve at once; `refresh`: one fetch in the background. */
  | {
      readonly kind: 'stale'
      readonly because: 'breaker-open' | 'updating'
      readonly ttlMs: number
      readonly refresh: boolean
    }
  /** Ask the origin first, with the entry's validators. */
  | { readonly kind: 'validate'; readonly because: 'expired'; readonly ttlMs: number }

export function reuse(
  entry: StoredEntry | undefined,
  wallMs: number,
  origin: OriginAccess,
  useStale: readonly StaleCondition[],
): Reuse {
  if (entry === undefined) return { kind: 'miss', because: 'cold' }
  const ttlMs = entry.meta.freshUntilMs - wallMs
  if (ttlMs > 0) return { kind: 'hit', ttlMs }
  if (origin !== 'pass' && coversOpenBreaker(useStale)) {
    return { kind: 'stale', because: 'breaker-open', ttlMs, refresh: origin === 'probe' }
  }
  if (useStale.includes('updating')) return { kind: 'stale', because: 'updating', ttlMs, refresh: true }
  return { kind: 'validate', because: 'expired', ttlMs }
}
