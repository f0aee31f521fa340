// What the flow knows of one request while it is answered, and what comes of it. Types only.
import type { EntryMeta, ProxyRequest, ProxyResponse } from '../object.ts'
import type { Access } from '../policy/authorisation.ts'
import type { RequestDemands } from '../policy/cache-control.ts'
import type { CacheOutcome } from '../policy/cache-status.ts'
import type { Claim } from '../policy/claim.ts'
import type { ObjectName } from '../policy/key.ts'
import type { RequestFacts } from '../policy/request-facts.ts'
import type { BodyStore, Clock, Log, Random, Signatures } from '../ports.ts'
import type { Allowances } from './allowances.ts'
import type { FillTable } from './fill-table.ts'
import type { CacheOptions } from './options.ts'
import type { Upstream } from './upstream.ts'
import type { Variants } from './variants.ts'

/** A read of an object. */
export interface Exchange {
  readonly request: ProxyRequest
  readonly facts: RequestFacts
  readonly name: ObjectName
  readonly key: string
  readonly claim: Claim | null
  readonly access: Access
  /** The client's Cache-Control; null in the s3 profile, and when it has none. */
  readonly demands: RequestDemands | null
}

/** An answer with what the access log says of it. */
export interface Reply {
  readonly response: ProxyResponse
  readonly outcome: CacheOutcome
  /** Of the object, when it is known. */
  readonly meta: EntryMeta | null
  readonly upstreamMs: number | null
  /** Body bytes that the origin sent for this request so far; the whole fetch counts for the one who caused it. */
  readonly upstreamBytes: () => number
}

/** Everything the parts of the cache share. */
export interface CacheContext {
  readonly options: CacheOptions
  readonly store: BodyStore
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly signatures: Signatures | null
  readonly upstream: Upstream
  readonly fills: FillTable
  readonly variants: Variants
  readonly allowances: Allowances
}
