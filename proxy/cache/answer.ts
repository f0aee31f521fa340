// Builds answers to clients from stored entries, from growing fills and from the origin's own answers. Flow, but free
// of ports: it only puts heads together.
import type { EntryMeta, HeaderList, ProxyResponse, StoredEntry } from '../object.ts'
import { type CacheOutcome, ownHeaders, statusHeaders } from '../policy/cache-status.ts'
import { endToEnd } from '../policy/hop-by-hop.ts'
import type { Waiter } from './fill.ts'
import type { UpstreamAnswer } from './upstream.ts'

/** The head for a stored entry; the body is the caller's to add. */
export function fromEntry(
  cacheName: string,
  entry: StoredEntry,
  outcome: CacheOutcome,
  wallMs: number,
): ProxyResponse {
  const { meta } = entry
  const headers = [...meta.headers, 'Age', ageSeconds(meta, wallMs), ...statusHeaders(cacheName, outcome)]
  return { status: meta.status, headers, body: null }
}

/** RFC 9111 §4.2.3, for an entry that came straight from its origin. */
function ageSeconds(meta: EntryMeta, wallMs: number): string {
  return String(Math.max(0, Math.floor((wallMs - meta.validatedAtMs) / 1000)))
}

/** The whole of a body that is being stored, as it comes. */
export function fromFill(
  cacheName: string,
  meta: EntryMeta,
  waiter: Waiter,
  method: string,
  outcome: CacheOutcome,
): ProxyResponse {
  const headers = [...meta.headers, ...statusHeaders(cacheName, outcome)]
  if (method === 'HEAD') {
    waiter.leave()
    return { status: meta.status, headers, body: null }
  }
  return { status: meta.status, headers, body: waiter.body(0, Number.POSITIVE_INFINITY) }
}

/** The origin's answer, byte for byte, under our own status headers. A 503 always says when to come back. */
export function relayed(cacheName: string, answer: UpstreamAnswer, outcome: CacheOutcome): ProxyResponse {
  const { status, headers, body } = answer.response
  const kept: HeaderList = endToEnd(headers, ownHeaders)
  const retry = status === 503 && !hasRetryAfter(kept) ? ['Retry-After', '1'] : []
  return { status, headers: [...kept, ...retry, ...statusHeaders(cacheName, outcome)], body }
}

function hasRetryAfter(headers: HeaderList): boolean {
  return headers.some((name, i) => i % 2 === 0 && name.toLowerCase() === 'retry-after')
}
