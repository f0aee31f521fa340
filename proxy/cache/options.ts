// What the cache role can be told: plain data, parsed and defaulted by the configuration.
import type { AuthorisationOptions } from '../policy/authorisation.ts'
import type { BreakerOptions } from '../policy/breaker.ts'
import type { FillOptions } from '../policy/cache-lock.ts'
import type { Profile, ValidRule } from '../policy/freshness.ts'
import { type StaleCondition, staleConditions } from '../policy/stale.ts'

export interface CacheOptions {
  /** The name in Cache-Status and Via. */
  readonly name: string
  /** Lower-case host names that mean the origin ("Host: NAME" path style, "Host: BUCKET.NAME" virtual-host style). */
  readonly hosts: readonly string[]
  readonly profile: Profile
  readonly valid: readonly ValidRule[]
  readonly useStale: readonly StaleCondition[]
  /** A request that nothing can serve is answered 503 within this time. An upload's clock starts anew with every chunk taken. */
  readonly deadlineMs: number
  /** Silence allowed where S3 answers late (copies, completions of multipart uploads): to the head, and within the body. */
  readonly writeTimeoutMs: number
  readonly breaker: BreakerOptions
  /** Requests that an origin takes at once while all is well: from here on one that begged off isn't spared any more. */
  readonly originRequests: number
  readonly fill: FillOptions
  /** After an outage background refreshes are spread over this time, so that the origin isn't met by all at once. */
  readonly recoveryJitterMs: number
  readonly authorisation: AuthorisationOptions
}

/** Values of everything that has a sensible default; a configuration file overrides them. */
export const cacheDefaults = {
  name: 'breakwater-cache',
  profile: 's3',
  /** S3 says 503, not 429, when it is asked too much. */
  useStale: staleConditions.filter((one) => one !== 'http_429'),
  deadlineMs: 900,
  writeTimeoutMs: 300_000,
  originRequests: 64,
  fill: {
    resumes: 3,
    finishBytes: 64 * 1024 * 1024,
    finishRatio: 0.5,
    prefixKeepMs: 60_000,
    rangeWindowBytes: 64 * 1024 * 1024,
    hitForMissMs: 10_000,
    verifyDigest: true,
  } satisfies FillOptions as FillOptions,
  recoveryJitterMs: 2000,
  authorisation: { routes: [], allowMs: 300_000, staleAllowMs: 86_400_000 } as Omit<
    AuthorisationOptions,
    'mode' | 'keys'
  >,
} as const
