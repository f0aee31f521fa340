// Lets S3 decide whether a client may read what is stored: the client's own signed request with If-None-Match added is
// authorisation and freshness check in one, without a body. Flow.
import { ProxyError } from '../errors.ts'
import type { StoredEntry } from '../object.ts'
import { type Standing, standing } from '../policy/authorisation.ts'
import { signedCondition } from '../policy/claim.ts'
import { validators } from '../policy/revalidation.ts'
import type { OriginResponse } from '../ports.ts'
import type { CacheContext, Exchange } from './exchange.ts'
import { composer } from './outgoing.ts'
import { discard, type UpstreamAnswer } from './upstream.ts'
import { send } from './within.ts'

export type Admission =
  /** 304: it may read, and what is stored is current. */
  | {
      readonly kind: 'allowed'
      readonly response: OriginResponse
      readonly backend: string
      readonly tookMs: number
    }
  /** It may read, but the object is another one now. */
  | { readonly kind: 'changed' }
  /** S3's no, which is this client's answer. */
  | { readonly kind: 'refused'; readonly answer: UpstreamAnswer }
  /** S3 can't be asked. */
  | { readonly kind: 'away'; readonly because: string }
  /** The question can't be put by this request: it has to go to S3 as it is. */
  | { readonly kind: 'alone'; readonly because: string }

/** Whether S3 has to be asked at all. */
export function standingOf(context: CacheContext, exchange: Exchange, entry: StoredEntry): Standing {
  const { allowances, upstream } = context
  return standing(
    entry,
    exchange.claim !== null,
    allowances.allowed(exchange),
    allowances.allowedWhileAway(exchange),
    upstream.access(),
  )
}

export async function askS3(
  context: CacheContext,
  exchange: Exchange,
  etag: string | null,
): Promise<Admission> {
  const obstacle = obstacleTo(exchange, etag)
  if (obstacle !== null) return { kind: 'alone', because: obstacle }
  const { upstream, clock, options, signatures, allowances } = context
  const { request } = exchange
  const question = composer(exchange, signatures, clock)(validators(etag))
  const remainingMs = request.receivedMs + options.deadlineMs - clock.monotonicMs()
  try {
    const answer = await send(
      { ...question, body: null, signal: request.signal },
      upstream,
      clock,
      remainingMs,
    )
    const admission = verdict(answer)
    if (admission.kind === 'allowed' || admission.kind === 'changed') allowances.record(exchange)
    if (admission.kind !== 'refused') void discard(answer.response)
    return admission
  } catch (error) {
    if (error instanceof ProxyError) return { kind: 'away', because: error.code }
    throw error
  }
}

function obstacleTo({ claim }: Exchange, etag: string | null): string | null {
  if (etag === null) return 'no-validator'
  const signed = signedCondition(claim)
  return signed === null || signed === 'range' ? null : `${signed}-signed`
}

function verdict(answer: UpstreamAnswer): Admission {
  const { response, backend, tookMs } = answer
  if (response.status === 304) return { kind: 'allowed', response, backend, tookMs }
  if (response.status >= 500) return { kind: 'away', because: `http_${response.status}` }
  return response.status < 300 ? { kind: 'changed' } : { kind: 'refused', answer }
}
