// Decides whether a body that broke half-way may be continued from another server, and whether that server's answer
// really is the rest of it. Pure.
import { type HeaderList, headerValue, headerValues, withoutHeaders } from '../object.ts'

/** The bytes of an object that an answer promised: `first` to `last` of `total`, the validator that names its version. */
export interface Promised {
  readonly first: number
  readonly last: number
  readonly total: number
  readonly etag: string
}

export type ResumeRefusal =
  | 'not-a-get'
  | 'no-strong-etag'
  | 'length-unknown'
  | 'several-ranges'
  | 'range-is-signed'

export type Resumable =
  | { readonly kind: 'resumable'; readonly promised: Promised }
  | { readonly kind: 'cut'; readonly because: ResumeRefusal }

interface Asked {
  readonly method: string
  readonly headers: HeaderList
}

interface Answer {
  readonly status: number
  readonly headers: HeaderList
}

/**
 * Could this answer be continued elsewhere? It needs a strong ETag for If-Match (RFC 9110 §13.1.1) and a known length.
 * Range may be added to a signed request, unless the client signed its own Range.
 */
export function resumable(asked: Asked, answer: Answer): Resumable {
  if (asked.method !== 'GET') return cut('not-a-get')
  const etag = headerValue(answer.headers, 'etag')
  if (etag === undefined || !etag.startsWith('"')) return cut('no-strong-etag')
  if (signs(asked.headers, ['range', 'if-match', 'if-range'])) return cut('range-is-signed')
  const span = promisedSpan(answer)
  if (typeof span === 'string') return cut(span)
  return { kind: 'resumable', promised: { ...span, etag } }
}

/** The request for what is left after `sentBytes`, its other headers byte for byte as the client sent them. */
export function resumeHeaders(headers: HeaderList, promised: Promised, sentBytes: number): string[] {
  const kept = withoutHeaders(headers, replaced)
  kept.push('Range', `bytes=${promised.first + sentBytes}-${promised.last}`, 'If-Match', promised.etag)
  return kept
}

/** Is this answer exactly the missing rest of the same object? */
export function continues(answer: Answer, promised: Promised, sentBytes: number): boolean {
  if (answer.status !== 206 || headerValue(answer.headers, 'etag') !== promised.etag) return false
  const { first, last, total } = parseContentRange(headerValue(answer.headers, 'content-range')) ?? nothing
  return first === promised.first + sentBytes && last === promised.last && total === promised.total
}

const replaced: ReadonlySet<string> = new Set(['range', 'if-match', 'if-range'])
const nothing = { first: -1, last: -1, total: -1 }

function cut(because: ResumeRefusal): Resumable {
  return { kind: 'cut', because }
}

function promisedSpan(answer: Answer): Omit<Promised, 'etag'> | ResumeRefusal {
  if (answer.status === 206) {
    return parseContentRange(headerValue(answer.headers, 'content-range')) ?? 'several-ranges'
  }
  const length = headerValues(answer.headers, 'content-length')
  if (answer.status !== 200 || length.length !== 1 || !/^\d+$/.test(length[0]!)) return 'length-unknown'
  const total = Number(length[0])
  return { first: 0, last: total - 1, total }
}

function parseContentRange(value: string | undefined): Omit<Promised, 'etag'> | null {
  const match = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(value ?? '')
  return match && { first: Number(match[1]), last: Number(match[2]), total: Number(match[3]) }
}

/** SigV4 lists the signed headers in Authorization, or in X-Amz-SignedHeaders of a presigned URL (where Range never stands). */
function signs(headers: HeaderList, names: readonly string[]): boolean {
  const list = /SignedHeaders=([^,\s]+)/.exec(headerValue(headers, 'authorization') ?? '')?.[1] ?? ''
  const signed = list.toLowerCase().split(';')
  return names.some((name) => signed.includes(name) && headerValue(headers, name) !== undefined)
}
