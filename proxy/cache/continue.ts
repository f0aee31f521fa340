// Continues a body that broke off, from the byte where it did, and only if it is still the same object. Flow.
import { type ErrorCode, ProxyError } from '../errors.ts'
import { type Body, headerValue } from '../object.ts'
import { contentRange } from '../policy/range.ts'
import { continuation, strongEtag } from '../policy/revalidation.ts'
import type { OriginResponse } from '../ports.ts'
import type { Compose } from './outgoing.ts'
import { discard, type Upstream } from './upstream.ts'

export interface Rest {
  readonly etag: string
  /** Inclusive; `last` may be Infinity. */
  readonly first: number
  readonly last: number
  /** Which of the origins to ask first. */
  readonly from: number
}

/** The bytes from `first` to `last` by Range and If-Match. Rejects `object-changed` when they are another object's. */
export async function restOfBody(upstream: Upstream, compose: Compose, rest: Rest): Promise<Body> {
  const request = compose(continuation(rest.etag, rest.first, rest.last))
  const { response } = await upstream.fetch({ ...request, body: null }, rest.from)
  const problem = mismatch(response, rest)
  if (problem === null) return response.body
  await discard(response)
  throw new ProxyError(`the origin answered ${response.status} to a continuation`, {
    code: problem,
    source: 'origin',
  })
}

function mismatch(response: OriginResponse, rest: Rest): ErrorCode | null {
  const { status, headers } = response
  if (status === 412 || status === 404 || status === 416 || status === 200) return 'object-changed'
  if (status >= 500) return 'closed-early'
  if (status !== 206) return 'denied'
  if (strongEtag(headers) !== rest.etag) return 'object-changed'
  return contentRange(headerValue(headers, 'content-range'))?.first === rest.first ? null : 'bad-header'
}

const resumable: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'reset',
  'closed-early',
  'truncated',
  'between-bytes-timeout',
  'first-byte-timeout',
  'connect-refused',
  'connect-timeout',
  'dns-failed',
  'tls-failed',
  'breaker-open',
])

/** The connection failed, and neither the object nor the store. */
export function isResumable(error: unknown): boolean {
  return error instanceof ProxyError && error.source !== 'store' && resumable.has(error.code)
}

/** Throws when a body is longer than stated, or (`in all`) not exactly as long. */
export function checkLength(
  receivedBytes: number,
  bodyBytes: number | null,
  when: 'so far' | 'in all',
): void {
  if (bodyBytes === null || receivedBytes === bodyBytes) return
  if (receivedBytes > bodyBytes) throw wrongLength('overlong')
  if (when === 'in all') throw wrongLength('truncated')
}

function wrongLength(code: 'truncated' | 'overlong'): ProxyError {
  return new ProxyError(`the origin's body is ${code}`, { code, source: 'origin' })
}
