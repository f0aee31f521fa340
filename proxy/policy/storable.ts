// Decides whether an answer of the origin may enter the store. Pure.
import { ProxyError } from '../errors.ts'
import { type HeaderList, headerValue } from '../object.ts'
import { responseDirectives } from './cache-control.ts'
import { freshForMs, type Profile, type ValidRule } from './freshness.ts'
import type { RequestFacts } from './request-facts.ts'

export type NotStored =
  | 'status'
  | 'no-length'
  | 'set-cookie'
  | 'no-store'
  | 'request-no-store'
  | 'authorization'
  | 'vary'
  | 'sse-c'
  | 'content-range'
  | 'not-valid-long'

export type Storable =
  | { readonly store: true; readonly bodyBytes: number | null; readonly freshForMs: number }
  | { readonly store: false; readonly because: NotStored }

export interface StorableRules {
  readonly profile: Profile
  readonly valid: readonly ValidRule[]
}

/** Statuses that may be kept at all: never 206 as if it were 200, never 3xx, 403 or 5xx. */
const statuses: Readonly<Record<Profile, ReadonlySet<number>>> = {
  s3: new Set([200, 404]),
  rfc9111: new Set([200, 203, 404, 410]),
}

export function storable(
  status: number,
  headers: HeaderList,
  base: string,
  facts: RequestFacts,
  rules: StorableRules,
): Storable {
  if (!statuses[rules.profile].has(status)) return { store: false, because: 'status' }
  const refusal = refusedBy(headers, facts, rules.profile)
  if (refusal) return { store: false, because: refusal }
  const bodyBytes = contentLength(headers)
  if (bodyBytes === null && !(rules.profile === 'rfc9111' && isChunked(headers))) {
    return { store: false, because: 'no-length' }
  }
  const lifetimeMs = freshForMs(rules.profile, rules.valid, base, status, headers)
  const mayAskAgain = rules.profile === 'rfc9111' && headerValue(headers, 'etag')?.startsWith('"')
  if (lifetimeMs === null || (lifetimeMs <= 0 && !mayAskAgain))
    return { store: false, because: 'not-valid-long' }
  return { store: true, bodyBytes, freshForMs: lifetimeMs }
}

/**
 * Whether a 200 is an error document instead of the object that was asked for, as S3 may send when it has begun its
 * answer before it failed. S3 gives every object's GET an ETag, and its error documents none.
 */
export function isErrorDocument(status: number, headers: HeaderList, profile: Profile): boolean {
  if (profile !== 's3' || status !== 200 || headerValue(headers, 'etag') !== undefined) return false
  return /^(application|text)\/xml\b/i.test(headerValue(headers, 'content-type') ?? '')
}

/** The failure that `isErrorDocument` found. */
export function errorDocument(): ProxyError {
  return new ProxyError('S3 answered 200 with an error document instead of the object', {
    code: 'error-document',
    source: 'origin',
  })
}

function refusedBy(headers: HeaderList, facts: RequestFacts, profile: Profile): NotStored | null {
  if (headerValue(headers, 'content-range') !== undefined) return 'content-range'
  if (headerValue(headers, 'x-amz-server-side-encryption-customer-algorithm') !== undefined) return 'sse-c'
  if (headerValue(headers, 'vary')?.includes('*')) return 'vary'
  const found = responseDirectives(headers)
  if (found.has('no-store') || found.has('private')) return 'no-store'
  if (profile === 's3') return headerValue(headers, 'set-cookie') === undefined ? null : 'set-cookie'
  if (/\bno-store\b/i.test(facts.cacheControl ?? '')) return 'request-no-store'
  const shared = found.has('public') || found.has('s-maxage') || found.has('must-revalidate')
  return facts.authorization !== undefined && !shared ? 'authorization' : null // RFC 9111 §3.5
}

/** The stated length of a body in bytes; null when there is none or it is not a plain number. */
export function contentLength(headers: HeaderList): number | null {
  const value = headerValue(headers, 'content-length')
  return value !== undefined && /^\d{1,15}$/.test(value) ? Number(value) : null
}

/** Chunked bodies end visibly; those that end with the connection may have been cut. */
function isChunked(headers: HeaderList): boolean {
  return /\bchunked\s*$/i.test(headerValue(headers, 'transfer-encoding') ?? '')
}
