// Decides how an entry is validated with the origin, and what a 304 makes of it. Pure.
import { type EntryMeta, type HeaderList, headerValue, withoutHeaders } from '../object.ts'

const clientConditions: ReadonlySet<string> = new Set([
  'if-match',
  'if-none-match',
  'if-modified-since',
  'if-unmodified-since',
  'if-range',
  'range',
])

/** Headers for asking about the whole object: the client's own conditions and range give way to the entry's ETag. */
export function wholeObjectHeaders(headers: HeaderList, etag: string | null): HeaderList {
  const kept = withoutHeaders(headers, clientConditions)
  if (etag !== null) kept.push('If-None-Match', etag)
  return kept
}

/** Headers a 304 may not change: they describe the stored bytes (RFC 9111 §3.2). */
const keptOnUpdate: ReadonlySet<string> = new Set([
  'content-length',
  'content-encoding',
  'content-type',
  'content-range',
  'etag',
])

/** The entry's metadata after the origin has confirmed it: fresh again, with the newer headers of the 304. */
export function freshened(
  meta: EntryMeta,
  confirmed: HeaderList,
  wallMs: number,
  freshForMs: number,
): EntryMeta {
  const newer = withoutHeaders(confirmed, keptOnUpdate)
  const names = new Set<string>()
  for (let i = 0; i < newer.length; i += 2) names.add(newer[i]!.toLowerCase())
  const headers = [...withoutHeaders(meta.headers, names), ...newer]
  return { ...meta, headers, validatedAtMs: wallMs, freshUntilMs: wallMs + freshForMs }
}

/** A strong validator that can be asked about; weak ones and none at all can't. */
export function strongEtag(headers: HeaderList): string | null {
  const etag = headerValue(headers, 'etag')
  return etag?.startsWith('"') ? etag : null
}
