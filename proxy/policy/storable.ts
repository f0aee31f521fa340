// Decides whether an answer of the origin may enter the store. Pure.
import { type HeaderList, headerValue } from '../object.ts'
import { type ValidRule, validMs } from './freshness.ts'

export type NotStored =
  | 'status'
  | 'no-length'
  | 'set-cookie'
  | 'no-store'
  | 'vary'
  | 'sse-c'
  | 'content-range'
  | 'not-valid-long'

export type Storable =
  | { readonly store: true; readonly bodyBytes: number | null; readonly freshForMs: number }
  | { readonly store: false; readonly because: NotStored }

/** In the s3 profile: 200 and 404 with a stated length, and none of what S3 means for one client only. */
export function storable(
  status: number,
  headers: HeaderList,
  base: string,
  rules: readonly ValidRule[],
): Storable {
  if (status !== 200 && status !== 404) return { store: false, because: 'status' }
  const refusal = refusedBy(headers)
  if (refusal) return { store: false, because: refusal }
  const bodyBytes = contentLength(headers)
  if (bodyBytes === null) return { store: false, because: 'no-length' }
  const freshForMs = validMs(rules, base, status)
  if (freshForMs === null || freshForMs <= 0) return { store: false, because: 'not-valid-long' }
  return { store: true, bodyBytes, freshForMs }
}

function refusedBy(headers: HeaderList): NotStored | null {
  if (headerValue(headers, 'set-cookie') !== undefined) return 'set-cookie'
  if (headerValue(headers, 'content-range') !== undefined) return 'content-range'
  if (headerValue(headers, 'x-amz-server-side-encryption-customer-algorithm') !== undefined) return 'sse-c'
  if (headerValue(headers, 'vary')?.includes('*')) return 'vary'
  return /\b(?:no-store|private)\b/i.test(headerValue(headers, 'cache-control') ?? '') ? 'no-store' : null
}

/** The stated length of a body in bytes; null when there is none or it is not a plain number. */
export function contentLength(headers: HeaderList): number | null {
  const value = headerValue(headers, 'content-length')
  return value !== undefined && /^\d{1,15}$/.test(value) ? Number(value) : null
}
