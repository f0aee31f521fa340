// Writes one access record a request, when the last byte has been handed out. Flow.
import { headerValue, type ProxyRequest } from '../object.ts'
import type { ObjectName } from '../policy/key.ts'
import type { AccessLog, Clock } from '../ports.ts'
import { CountedBody } from './counted-body.ts'
import type { Reply } from './exchange.ts'

/** The reply, whose body reports to the log once it has ended. */
export function recorded(
  log: AccessLog,
  clock: Clock,
  request: ProxyRequest,
  name: ObjectName | null,
  reply: Reply,
): Reply {
  const { response } = reply
  const atMs = clock.wallMs() - (clock.monotonicMs() - request.receivedMs)
  const write = (bytes: number) => log.record(recordOf(request, name, reply, atMs, bytes))
  if (response.body === null || response.body instanceof Uint8Array) {
    write(response.body?.length ?? 0)
    return reply
  }
  const body = new CountedBody(response.body, () => write(body.bytes))
  return { ...reply, response: { ...response, body } }
}

function recordOf(request: ProxyRequest, name: ObjectName | null, reply: Reply, atMs: number, bytes: number) {
  const { outcome, meta, response } = reply
  return {
    atMs,
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
