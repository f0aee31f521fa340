// Passes requests on uncached, byte for byte, and keeps the cache from contradicting what they write. Flow.
import { ProxyError } from '../errors.ts'
import { headerValue, type ProxyRequest } from '../object.ts'
import { ownHeaders } from '../policy/cache-status.ts'
import { endToEnd } from '../policy/hop-by-hop.ts'
import { type ObjectName, originForm } from '../policy/key.ts'
import { errorDocument, isErrorDocument } from '../policy/storable.ts'
import { changesObject } from '../policy/touched.ts'
import { relay } from './answer.ts'
import type { CacheContext, Exchange, Reply } from './exchange.ts'
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
    return relay(context.options.name, answer, 'BYPASS', because)
  } catch (error) {
    if (error instanceof ProxyError) return unavailable(context, request, 'BYPASS', error.code)
    throw error
  }
}

/** A read of an object that has to go past the store. Rejects with ProxyError. */
export async function passObject(context: CacheContext, { request }: Exchange): Promise<UpstreamAnswer> {
  const { deadlineMs, profile } = context.options
  const answer = await forward(
    context,
    request,
    request.receivedMs + deadlineMs - context.clock.monotonicMs(),
  )
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
  const deadlineMs = isSlowWrite(request) ? null : context.options.deadlineMs
  if (name === null || !changesObject(request.method, request.target))
    return forward(context, request, deadlineMs)
  return writeThrough(context, request, name, (sent) => forward(context, sent, deadlineMs))
}

function forward(
  context: CacheContext,
  request: ProxyRequest,
  deadlineMs: number | null,
): Promise<UpstreamAnswer> {
  const { method, body, signal } = request
  const headers = endToEnd(request.headers, ownHeaders)
  const target = originForm(request.target)
  return send({ method, target, headers, body, signal }, context.upstream, context.clock, deadlineMs)
}

/** S3 may think for long about a copy or the completion of a multipart upload: only the origin's own timeouts bound these. */
function isSlowWrite({ method, target, headers }: ProxyRequest): boolean {
  if (headerValue(headers, 'x-amz-copy-source') !== undefined) return true
  return method === 'POST' && /[?&]uploadId=/.test(target)
}
