// Builds the heads of answers from what is known of an object, as S3 would answer the client's conditions and range.
// Flow, but free of ports: it only puts heads together.
import { type EntryMeta, type HeaderList, headerValue, type ProxyResponse } from '../object.ts'
import { type CacheOutcome, ownHeaders, statusHeaders } from '../policy/cache-status.ts'
import { endToEnd } from '../policy/hop-by-hop.ts'
import { precondition } from '../policy/precondition.ts'
import { rangeApplies, rangeOf } from '../policy/range.ts'
import type { RequestFacts } from '../policy/request-facts.ts'
import { CountedBody } from './counted-body.ts'
import { errorAnswer, retryAfter } from './errors.ts'
import type { Reply } from './exchange.ts'
import type { UpstreamAnswer } from './upstream.ts'

/** What of an object answers a request. */
export type Chosen =
  | { readonly kind: 'whole' }
  | { readonly kind: 'part'; readonly first: number; readonly last: number }
  | { readonly kind: 'not-modified' | 'precondition-failed' | 'unsatisfiable' }

const whole: Chosen = { kind: 'whole' }

/** Conditions first, then the range (RFC 9110 §13.2.2); only of objects that are there. */
export function choose(meta: EntryMeta, facts: RequestFacts): Chosen {
  if (meta.status !== 200 || !facts.conditional) return whole
  const lastModified = headerValue(meta.headers, 'last-modified')
  const condition = precondition(facts, meta.etag, lastModified)
  if (condition === 'not-modified') return { kind: 'not-modified' }
  if (condition === 'failed') return { kind: 'precondition-failed' }
  if (!rangeApplies(facts.ifRange, meta.etag, lastModified)) return whole
  return rangeOf(facts.range, meta.bodyBytes)
}

/**
 * The head for an object, and the whole answer where that has no body of the object's. `wallMs` gives an Age; null for
 * what comes from the origin just now.
 */
export function headFor(
  cacheName: string,
  meta: EntryMeta,
  chosen: Chosen,
  outcome: CacheOutcome,
  wallMs: number | null,
  headOnly: boolean,
): ProxyResponse {
  switch (chosen.kind) {
    case 'whole':
      return ok(meta.status, meta.headers, meta, cacheName, outcome, wallMs)
    case 'part':
      return ok(206, partHeaders(meta, chosen.first, chosen.last), meta, cacheName, outcome, wallMs)
    case 'not-modified':
      return ok(304, withOnly(meta.headers, of304), meta, cacheName, outcome, wallMs)
    case 'precondition-failed':
      return errorAnswer(cacheName, outcome, {
        status: 412,
        code: 'PreconditionFailed',
        message: 'At least one of the pre-conditions you specified did not hold.',
        headOnly,
      })
    case 'unsatisfiable':
      return errorAnswer(cacheName, outcome, {
        status: 416,
        code: 'InvalidRange',
        message: 'The requested range is not satisfiable.',
        headers: ['Content-Range', `bytes */${meta.bodyBytes}`],
        headOnly,
      })
  }
}

function ok(
  status: number,
  headers: HeaderList,
  meta: EntryMeta,
  cacheName: string,
  outcome: CacheOutcome,
  wallMs: number | null,
): ProxyResponse {
  const age = wallMs === null ? [] : ['Age', ageSeconds(meta, wallMs)]
  return { status, headers: [...headers, ...age, ...statusHeaders(cacheName, outcome)], body: null }
}

/** RFC 9111 §4.2.3. */
function ageSeconds(meta: EntryMeta, wallMs: number): string {
  return String(Math.max(0, Math.floor((wallMs - meta.validatedAtMs) / 1000)))
}

/** A part keeps everything but the length and the digests of the whole. */
function partHeaders(meta: EntryMeta, first: number, last: number): string[] {
  const headers: string[] = []
  for (let i = 0; i < meta.headers.length; i += 2) {
    const name = meta.headers[i]!.toLowerCase()
    if (name === 'content-length' || name === 'content-md5' || name.startsWith('x-amz-checksum-')) continue
    headers.push(meta.headers[i]!, meta.headers[i + 1]!)
  }
  headers.push('Content-Length', String(last - first + 1))
  headers.push('Content-Range', `bytes ${first}-${last}/${meta.bodyBytes}`)
  return headers
}

/** RFC 9110 §15.4.5. */
const of304 = new Set([
  'etag',
  'last-modified',
  'cache-control',
  'expires',
  'vary',
  'date',
  'content-location',
])

function withOnly(headers: HeaderList, lowerNames: ReadonlySet<string>): string[] {
  const kept: string[] = []
  for (let i = 0; i < headers.length; i += 2) {
    if (lowerNames.has(headers[i]!.toLowerCase())) kept.push(headers[i]!, headers[i + 1]!)
  }
  return kept
}

/** The origin's answer, byte for byte, under our own status headers. A 503 always says when to come back. */
export function relay(
  cacheName: string,
  answer: UpstreamAnswer,
  word: 'MISS' | 'EXPIRED' | 'BYPASS',
  because: string,
): Reply {
  const { response, backend, tookMs } = answer
  const { status } = response
  const outcome: CacheOutcome = { word, because, forwardedStatus: status, backend }
  const kept = endToEnd(response.headers, ownHeaders)
  const retry = status === 503 && headerValue(kept, 'retry-after') === undefined ? retryAfter(1000) : []
  const headers = [...kept, ...retry, ...statusHeaders(cacheName, outcome)]
  const counted = new CountedBody(response.body)
  return {
    response: { status, headers, body: counted },
    outcome,
    meta: null,
    upstreamMs: tookMs,
    upstreamBytes: () => counted.bytes,
  }
}
