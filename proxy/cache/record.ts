// Counts every request, and writes one access record for it, when the last byte has been handed out. Flow.
import { headerValue, isLent, type ProxyRequest } from '../object.ts'
import type { ObjectName } from '../policy/key.ts'
import type { AccessLog, Clock } from '../ports.ts'
import { CountedBody, CountedLentBody } from './counted-body.ts'
import type { Reply } from './exchange.ts'
import type { Totals } from './totals.ts'

/** The reply, whose body is counted and reported to the log, if there is one, once it has ended. */
export function recorded(
  totals: Totals,
  log: AccessLog | null,
  clock: Clock,
  request: ProxyRequest,
  name: ObjectName | null,
  reply: Reply,
): Reply {
  const { response, outcome } = reply
  const end = (bytes: number) => {
    totals.count(outcome.word, bytes)
    log?.record(recordOf(clock, request, name, reply, bytes))
  }
  if (response.body === null || response.body instanceof Uint8Array) {
    end(response.body?.length ?? 0)
    return reply
  }
  const onEnd = () => end(body.bytes)
  const body: CountedBody = isLent(response.body)
    ? new CountedLentBody(response.body, onEnd)
    : new CountedBody(response.body, onEnd)
  return { ...reply, response: { ...response, body } }
}

function recordOf(clock: Clock, request: ProxyRequest, name: ObjectName | null, reply: Reply, bytes: number) {
  const { outcome, meta, response } = reply
  return {
    atMs: clock.wallMs() - (clock.monotonicMs() - request.receivedMs),
    method: request.method,
    bucket: name?.bucket ?? '',
    key: name?.objectKey ?? '',
    status: response.status,
    bytes,
    objectBytes: meta?.bodyBytes ?? null,
    cacheStatus: outcome.word,
    reason: outcome.because,
    backend: outcome.backend,
    upstreamBytes: reply.upstreamBytes(),
    upstreamMs: reply.upstreamMs,
    range: headerValue(request.headers, 'range') ?? null,
    etag: meta?.etag ?? headerValue(response.headers, 'etag') ?? null,
  }
}
