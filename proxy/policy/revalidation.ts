// Decides how an entry is validated with the origin, and what a 304 makes of it. Pure.
import { type HeaderList, headerValue, withoutHeaders } from '../object.ts'

/** What a client asks of its own copy; a fetch for the store is of the whole object (lower-case). */
export const clientConditions: ReadonlySet<string> = new Set([
  'if-match',
  'if-none-match',
  'if-modified-since',
  'if-unmodified-since',
  'if-range',
  'range',
])

/** What a fetch asks about the entry it would renew. */
export function validators(etag: string | null): HeaderList {
  return etag === null ? [] : ['If-None-Match', etag]
}

/** What continues a body that broke off: only if it is still the same object. */
export function continuation(etag: string, first: number, last: number): HeaderList {
  return ['If-Match', etag, 'Range', `bytes=${first}-${Number.isFinite(last) ? last : ''}`]
}

/** Headers a 304 may not change: they describe the stored bytes (RFC 9111 §3.2). */
const keptOnUpdate: ReadonlySet<string> = new Set([
  'content-length',
  'content-encoding',
  'content-type',
  'content-range',
  'etag',
])

/** A stored answer's headers with the newer ones of a 304. */
export function updatedHeaders(stored: HeaderList, confirmed: HeaderList): string[] {
  const newer = withoutHeaders(confirmed, keptOnUpdate)
  const names = new Set<string>()
  for (let i = 0; i < newer.length; i += 2) names.add(newer[i]!.toLowerCase())
  return [...withoutHeaders(stored, names), ...newer]
}

/** A strong validator that can be asked about; weak ones and none at all can't. */
export function strongEtag(headers: HeaderList): string | null {
  const etag = headerValue(headers, 'etag')
  return etag?.startsWith('"') ? etag : null
}

/** A 304, or a HEAD's 200 that shows the ETag we have (RFC 9111 §4.3.5). */
export function confirms(
  method: string,
  answer: { readonly status: number; readonly headers: HeaderList },
  etag: string | null,
): boolean {
  if (answer.status === 304) return true
  return method === 'HEAD' && answer.status === 200 && etag !== null && strongEtag(answer.headers) === etag
}

/** The object is gone, or is another one that will not replace the entry by being stored. */
export function supersedes(method: string, status: number, isStorable: boolean): boolean {
  const isAnswer = status === 200 || status === 404 || status === 410
  return isAnswer && (method === 'HEAD' || !isStorable)
}
