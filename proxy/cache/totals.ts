// What the cache as a whole did for its clients and asked of its origins, for metrics. Sums only: no name of an object
// and nothing a client sent gets here. Flow.
import type { CacheWord } from '../policy/cache-status.ts'
import type { Origin } from '../ports.ts'
import { CountedBody } from './counted-body.ts'

export class Totals {
  readonly requests: Record<CacheWord, number> = {
    HIT: 0,
    MISS: 0,
    EXPIRED: 0,
    STALE: 0,
    UPDATING: 0,
    REVALIDATED: 0,
    BYPASS: 0,
  }
  /** Body bytes handed to clients' connections. */
  servedBytes = 0
  /** Requests to origins, checks and refreshes in the background included. */
  upstreamRequests = 0
  /** Body bytes of their answers, for whomever they were fetched. */
  upstreamBytes = 0

  /** A request has been answered, or its client has left. */
  count(word: CacheWord, servedBytes: number): void {
    this.requests[word]++
    this.servedBytes += servedBytes
  }
}

/** `origin`, with what it is asked and sends counted. */
export function counted(origin: Origin, totals: Totals): Origin {
  return {
    name: origin.name,
    addresses: () => origin.addresses?.() ?? [],
    async fetch(request) {
      totals.upstreamRequests++
      const answer = await origin.fetch(request)
      const body = new CountedBody(answer.body, () => {
        totals.upstreamBytes += body.bytes
      })
      return { ...answer, body }
    },
  }
}
