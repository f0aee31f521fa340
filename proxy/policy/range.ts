// Decides which bytes of an object a Range header asks for, as S3 reads it (RFC 9110 §14). Pure.

export type Selection =
  | { readonly kind: 'whole' }
  /** Inclusive, within the object. */
  | { readonly kind: 'part'; readonly first: number; readonly last: number }
  | { readonly kind: 'unsatisfiable' }

const whole: Selection = { kind: 'whole' }

/** One range of bytes only: S3 answers several ranges, other units and malformed ones with the whole object. */
export function rangeOf(range: string | undefined, bodyBytes: number): Selection {
  if (range === undefined) return whole
  const match = /^bytes\s*=\s*(\d*)\s*-\s*(\d*)\s*$/i.exec(range)
  if (!match || (match[1] === '' && match[2] === '')) return whole
  if (match[1] === '') return suffix(Number(match[2]), bodyBytes)
  const first = Number(match[1])
  const last = match[2] === '' ? Number.POSITIVE_INFINITY : Number(match[2])
  if (last < first) return whole
  if (first >= bodyBytes) return { kind: 'unsatisfiable' }
  return { kind: 'part', first, last: Math.min(last, bodyBytes - 1) }
}

function suffix(bytes: number, bodyBytes: number): Selection {
  if (bytes === 0 || bodyBytes === 0) return { kind: 'unsatisfiable' }
  return { kind: 'part', first: Math.max(0, bodyBytes - bytes), last: bodyBytes - 1 }
}

/** If-Range: the part only if the object is still the one the client has, by strong ETag or by exact date (§13.1.5). */
export function rangeApplies(
  ifRange: string | undefined,
  etag: string | null,
  lastModified: string | undefined,
) {
  if (ifRange === undefined) return true
  if (ifRange.startsWith('"')) return ifRange === etag
  return lastModified !== undefined && ifRange === lastModified
}

/** The first and last byte and the whole length that a 206 states; null when it doesn't state them plainly. */
export function contentRange(
  value: string | undefined,
): { readonly first: number; readonly last: number; readonly total: number } | null {
  const match = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(value ?? '')
  return match && { first: Number(match[1]), last: Number(match[2]), total: Number(match[3]) }
}
