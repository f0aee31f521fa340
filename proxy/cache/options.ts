// What the cache role can be told: plain data, parsed and defaulted by the configuration.
import type { BreakerOptions } from '../policy/breaker.ts'
import type { ValidRule } from '../policy/freshness.ts'
import type { StaleCondition } from '../policy/stale.ts'

export interface CacheOptions {
  /** The name in Cache-Status and Via. */
  readonly name: string
  /** Lower-case host names that mean the origin ("Host: NAME" path style, "Host: BUCKET.NAME" virtual-host style). */
  readonly hosts: readonly string[]
  readonly valid: readonly ValidRule[]
  readonly useStale: readonly StaleCondition[]
  /** A request that nothing can serve is answered 503 within this time. */
  readonly deadlineMs: number
  readonly breaker: BreakerOptions
}
