// Continues a body that broke half-way from another server, so that the client notices nothing. Flow.
import { nextServer } from '../policy/failover.ts'
import { continues, type Promised, resumeHeaders } from '../policy/retry-resume.ts'
import { type Answered, attempt, drop } from './attempt.ts'
import type { Backend } from './backend.ts'
import type { Exchange } from './exchange.ts'
import { Patience } from './patience.ts'

/** The answer that goes on where `broken` ended, or null when none does within the deadline. */
export async function resume(
  exchange: Exchange,
  broken: Backend,
  promised: Promised,
  sentBytes: number,
): Promise<Answered | null> {
  const { fleet } = exchange
  const { clock } = fleet.ports
  const headers = resumeHeaders(exchange.headers, promised, sentBytes)
  const waited = new Patience(clock.monotonicMs(), fleet.options.deadlineMs, exchange.patience.signal, clock)
  const tried = [broken]
  try {
    while (exchange.resumes < fleet.options.retry.resumes && waited.ended === null) {
      const next = nextForRest(exchange, tried)
      if (next === null) return null
      exchange.resumes++
      tried.push(next)
      const rest = await attempt(
        exchange,
        next,
        'resume',
        headers,
        waited.signal,
        next.server.timeouts.firstByteMs,
      )
      if (rest.kind === 'failed') continue
      if (continues(rest.response, promised, sentBytes)) return rest
      fleet.ports.log.warn('the rest of a body is not there', {
        backend: next.name,
        status: rest.response.status,
      })
      drop(rest)
    }
    return null
  } finally {
    waited.headArrived()
  }
}

/** Another server if there is one; else the same once more, when only the connection broke. */
function nextForRest(exchange: Exchange, tried: readonly Backend[]): Backend | null {
  const order = exchange.fleet.orderFor(exchange.key)
  const other = nextServer(order, tried)
  if (other.kind === 'use') return other.server
  const again = tried.length === 1 ? nextServer(order, []) : other
  return again.kind === 'use' ? again.server : null
}
