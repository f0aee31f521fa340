// Decides whether a stored entry may answer a request now, and whether the origin is to be asked. Pure.
import type { StoredEntry } from '../object.ts'
import { type RequestDemands, staleLimits } from './cache-control.ts'
import type { Profile } from './freshness.ts'
import { coversOpenBreaker, type StaleCondition } from './stale.ts'

/** What the breaker says of the origin: ask freely, one probe may ask, nobody may ask. */
export type OriginAccess = 'pass' | 'probe' | 'refuse'

export type Reuse =
  | { readonly kind: 'miss'; readonly because: 'cold' | 'negative-expired' }
  | { readonly kind: 'hit'; readonly because: 'fresh'; readonly ttlMs: number }
  /** Serve at once; `refresh`: one fetch in the background. */
  | {
      readonly kind: 'stale'
      readonly because: 'breaker-open' | 'updating' | 'max-stale'
      readonly ttlMs: number
      readonly refresh: boolean
    }
  /** Ask the origin first, with the entry's validators; `staleCovers`: serve the entry should that fail. */
  | {
      readonly kind: 'validate'
      readonly because: 'expired' | 'request-no-cache' | 'clock-went-back'
      readonly ttlMs: number
      readonly staleCovers: boolean
    }
  | { readonly kind: 'refuse'; readonly because: 'only-if-cached' }

export interface ReuseRules {
  readonly profile: Profile
  readonly useStale: readonly StaleCondition[]
}

/** Wall clocks are corrected by a little now and then; more than this means that stored times can't be trusted. */
const clockToleranceMs = 60_000

/** `demands`: the client's Cache-Control, null in the s3 profile or when there is none. */
export function reuse(
  entry: StoredEntry | undefined,
  wallMs: number,
  origin: OriginAccess,
  demands: RequestDemands | null,
  rules: ReuseRules,
): Reuse {
  if (entry === undefined) return missing('cold', demands)
  const ttlMs = entry.meta.freshUntilMs - wallMs
  if (entry.meta.validatedAtMs > wallMs + clockToleranceMs) return validate('clock-went-back', ttlMs, true)
  if (demands !== null && refusesEntry(entry, ttlMs, wallMs, demands)) {
    return demands.onlyIfCached ? missing('cold', demands) : validate('request-no-cache', ttlMs, false)
  }
  if (ttlMs > 0) return { kind: 'hit', because: 'fresh', ttlMs }
  if (entry.meta.status === 404) return missing('negative-expired', demands)
  return expired(entry, ttlMs, origin, demands, rules)
}

function missing(because: 'cold' | 'negative-expired', demands: RequestDemands | null): Reuse {
  return demands?.onlyIfCached ? { kind: 'refuse', because: 'only-if-cached' } : { kind: 'miss', because }
}

function validate(
  because: (Reuse & { kind: 'validate' })['because'],
  ttlMs: number,
  staleCovers: boolean,
): Reuse {
  return { kind: 'validate', because, ttlMs, staleCovers }
}

function refusesEntry(entry: StoredEntry, ttlMs: number, wallMs: number, demands: RequestDemands): boolean {
  if (demands.noCache) return true
  return wallMs - entry.meta.validatedAtMs > demands.maxAgeMs || (ttlMs > 0 && ttlMs < demands.minFreshMs)
}

function expired(
  entry: StoredEntry,
  ttlMs: number,
  origin: OriginAccess,
  demands: RequestDemands | null,
  rules: ReuseRules,
): Reuse {
  const { useStale } = rules
  const limits = rules.profile === 'rfc9111' ? staleLimits(entry.meta.headers) : null
  if (limits?.forbidden) return validate('expired', ttlMs, false)
  if (demands !== null && demands.maxStaleMs !== null && -ttlMs <= demands.maxStaleMs) {
    return { kind: 'stale', because: 'max-stale', ttlMs, refresh: false }
  }
  if (origin !== 'pass' && coversOpenBreaker(useStale)) {
    return { kind: 'stale', because: 'breaker-open', ttlMs, refresh: origin === 'probe' }
  }
  const meanwhile = useStale.includes('updating') || -ttlMs < (limits?.whileRevalidateMs ?? 0)
  if (meanwhile) return { kind: 'stale', because: 'updating', ttlMs, refresh: true }
  return validate('expired', ttlMs, true)
}
