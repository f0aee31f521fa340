// Passes requests on uncached, byte for byte, and keeps the cache from contradicting what they write. Flow.
import { ProxyError } from '../errors.ts'
import type { ProxyRequest } from '../object.ts'
import { ownHeaders } from '../policy/cache-status.ts'
import { endToEnd } from '../policy/hop-by-hop.ts'
import { type ObjectName, originForm } from '../policy/key.ts'
import { answersLate } from '../policy/late-answer.ts'
import { errorDocument, isErrorDocument } from '../policy/storable.ts'
import { changesObject } from '../policy/touched.ts'
import { relay } from './answer.ts'
import type { CacheContext, Exchange, Reply } from './exchange.ts'
import { LateBody } from './late-body.ts'
import type { CacheOptions } from './options.ts'
import { unavailable } from './refusals.ts'
import { discard, type UpstreamAnswer } from './upstream.ts'
import { send } from './within.ts'
import { writeThrough } from './write-through.ts'

/** A request that isn't for the cache. `name`: what it is about, when that can be told. */
export async function passOn(
  context: CacheContext,
  request: ProxyRequest,
  name: ObjectName | null,
  because: string,
): Promise<Reply> {
  try {
    const answer = await sendAsItIs(context, request, name)
    if (answersLate(request) && answer.response.status === 200) return relayLate(context, answer, because)
    return relay(context.options.name, answer, 'BYPASS', because)
  } catch (error) {
    if (error instanceof ProxyError) return unavailable(context, request, 'BYPASS', error.code)
    throw error
  }
}

/** A 200 may still turn out to be an error document: passed on as it is, but the logs tell it from a success. */
function relayLate({ options, log }: CacheContext, answer: UpstreamAnswer, because: string): Reply {
  let reason = because
  const body = new LateBody(answer.response.body, (saysError) => {
    if (!saysError) return
    reason = 'error-document'
    log.warn('a write was answered 200 and then an error document', { backend: answer.backend })
  })
  const reply = relay(options.name, { ...answer, response: { ...answer.response, body } }, 'BYPASS', because)
  const { outcome } = reply
  return {
    ...reply,
    outcome: {
      ...outcome,
      get because() {
        return reason
      },
    },
  }
}

/** A read of an object that has to go past the store. Rejects with ProxyError. */
export async function passObject(context: CacheContext, { request }: Exchange): Promise<UpstreamAnswer> {
  const { deadlineMs, profile } = context.options
  const remainingMs = request.receivedMs + deadlineMs - context.clock.monotonicMs()
  const answer = await forward(context, request, { deadlineMs: remainingMs })
  const { response } = answer
  if (!isErrorDocument(response.status, response.headers, profile)) return answer
  await discard(response)
  throw errorDocument()
}

function sendAsItIs(
  context: CacheContext,
  request: ProxyRequest,
  name: ObjectName | null,
): Promise<UpstreamAnswer> {
  const bounds = answersLate(request) ? late(context.options) : { deadlineMs: context.options.deadlineMs }
  if (name === null || !changesObject(request.method, request.target))
    return forward(context, request, bounds)
  return writeThrough(context, request, name, (sent) => forward(context, sent, bounds))
}

/** How long S3 may be silent, ms. */
interface Bounds {
  /** null: the origin's own timeouts alone. */
  readonly deadlineMs: number | null
  readonly firstByteMs?: number
  readonly betweenBytesMs?: number
}

function late({ writeTimeoutMs }: CacheOptions): Bounds {
  return { deadlineMs: null, firstByteMs: writeTimeoutMs, betweenBytesMs: writeTimeoutMs }
}

function forward(
  context: CacheContext,
  request: ProxyRequest,
  { deadlineMs, ...timeouts }: Bounds,
): Promise<UpstreamAnswer> {
  const { method, body, signal } = request
  const headers = endToEnd(request.headers, ownHeaders)
  const target = originForm(request.target)
  return send(
    { method, target, headers, body, signal, ...timeouts },
    context.upstream,
    context.clock,
    deadlineMs,
  )
}
