// The answers in which the cache itself says no, each with its reason. Flow.
import type { ProxyRequest } from '../object.ts'
import { type Denial, denialCodes } from '../policy/authorisation.ts'
import type { CacheOutcome, CacheWord } from '../policy/cache-status.ts'
import { type ErrorAnswer, errorAnswer, retryAfter } from './errors.ts'
import type { CacheContext, Exchange, Reply } from './exchange.ts'

const denialMessages: Readonly<Record<Denial, string>> = {
  'presigned-expired': 'Request has expired.',
  'key-not-for-object': 'This access key may not read this object.',
  malformed: 'The authorization of this request cannot be read.',
  mismatch:
    'The signature does not match. The Host, path, query and signed headers must reach the proxy as they were signed.',
  skewed: 'The difference between the request time and the current time is too large.',
}

export function denied(context: CacheContext, { request }: Exchange, because: Denial): Reply {
  const answer = { status: 403, code: denialCodes[because], message: denialMessages[because] }
  return refusal(context, request, 'BYPASS', because, answer)
}

const nonsense: ReadonlySet<string> = new Set(['bad-header', 'digest-mismatch', 'error-document'])

/** Nothing can serve: 503 with the time after which asking again may help. An answer that made no sense is 502. */
export function unavailable(
  context: CacheContext,
  request: ProxyRequest,
  word: 'MISS' | 'BYPASS',
  because: string,
): Reply {
  const isNonsense = nonsense.has(because)
  return refusal(context, request, word, because, {
    status: isNonsense ? 502 : 503,
    code: isNonsense ? 'BadGateway' : 'ServiceUnavailable',
    message: 'The cache cannot answer this and the origin does not. Please try again.',
    headers: retryAfter(context.upstream.retryAfterMs()),
  })
}

/** RFC 9111 §5.2.1.7. */
export function onlyIfCached(context: CacheContext, { request }: Exchange): Reply {
  const message = 'The object is not in the cache, and the request forbids asking for it.'
  return refusal(context, request, 'MISS', 'only-if-cached', { status: 504, code: 'GatewayTimeout', message })
}

/** A body on a GET would be ignored for the key, and could mean something to whoever reads it next. */
export function bodyOnRead(context: CacheContext, request: ProxyRequest): Reply {
  const message = 'GET and HEAD requests must not have a body.'
  return refusal(context, request, 'BYPASS', 'body-on-read', { status: 400, code: 'InvalidRequest', message })
}

function refusal(
  context: CacheContext,
  request: ProxyRequest,
  word: CacheWord,
  because: string,
  answer: Omit<ErrorAnswer, 'headOnly'>,
): Reply {
  const outcome: CacheOutcome = { word, because, backend: 'none' }
  const headOnly = request.method === 'HEAD'
  const response = errorAnswer(context.options.name, outcome, { ...answer, headOnly })
  return { response, outcome, meta: null, upstreamMs: null, upstreamBytes: () => 0 }
}
