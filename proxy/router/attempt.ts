// One attempt: one server is asked, once it has a connection to spare, and told what that says of its health. Flow.
import { ProxyError } from '../errors.ts'
import { type HeaderList, headerValue, type Signal } from '../object.ts'
import type { OriginRequest, OriginResponse } from '../ports.ts'
import type { Backend } from './backend.ts'
import { discard } from './body.ts'
import type { Exchange } from './exchange.ts'
import type { Patience } from './patience.ts'
import { pastErrorDocument, saysError } from './scrutiny.ts'

export interface Answered {
  readonly kind: 'answered'
  readonly backend: Backend
  readonly response: OriginResponse
  /** Why this server, as the policy named it. */
  readonly because: string
}

export interface Failed {
  readonly kind: 'failed'
  readonly backend: Backend
  readonly error: ProxyError
}

/** An answered attempt holds a connection of its server until its body ends or `drop`. */
export type Attempt = Answered | Failed

/**
 * Asks `backend` with these headers. `signal` ends the attempt and, later, the body. `firstByteMs`: how long to wait for
 * the head; Infinity where something else bounds it.
 */
export function attempt(
  exchange: Exchange,
  backend: Backend,
  because: string,
  headers: HeaderList,
  signal: Signal,
  firstByteMs: number,
): Promise<Attempt> {
  const { clock } = exchange.fleet.ports
  const { method, target, body } = exchange.request
  const send = (): Promise<Attempt> => {
    const sent =
      body === null
        ? null
        : exchange.patience.watched(body, (bytes) => {
            backend.counters.bytesIn += bytes
          })
    const usual = { method, target, headers, body: sent, signal, firstByteMs }
    const { writeTimeoutMs } = exchange.fleet.options
    return ask(
      exchange,
      backend,
      because,
      exchange.isLate ? { ...usual, betweenBytesMs: writeTimeoutMs } : usual,
    )
  }
  const expectsHit = exchange.fleet.expectedHits.has(exchange.key)
  if (backend.gate.tryEnter(expectsHit)) return send()
  const startedMs = clock.monotonicMs()
  return backend.gate.enter(expectsHit, signal).then(
    () => {
      exchange.queuedMs += clock.monotonicMs() - startedMs
      return send()
    },
    (cause) => failed(exchange, backend, cause, signal, startedMs),
  )
}

/** The server has a connection to spare. */
async function ask(
  exchange: Exchange,
  backend: Backend,
  because: string,
  asked: OriginRequest & { readonly signal: Signal },
): Promise<Attempt> {
  const sentMs = exchange.fleet.ports.clock.monotonicMs()
  exchange.sentMs = sentMs
  backend.counters.requests++
  backend.rate.count()
  try {
    let response = await backend.ask(asked)
    backend.headArrived(response, sentMs)
    if (saysError(response)) response = await pastErrorDocument(exchange, backend, response, asked)
    return { kind: 'answered', backend, response, because }
  } catch (cause) {
    backend.gate.leave()
    return failed(exchange, backend, cause, asked.signal, sentMs)
  }
}

function failed(
  exchange: Exchange,
  backend: Backend,
  cause: unknown,
  signal: Signal,
  sinceMs: number,
): Failed {
  const error = named(cause, exchange.patience, signal)
  backend.failed(error.code, sinceMs, false)
  return { kind: 'failed', backend, error }
}

/** Throws an answer away. */
export function drop(answered: Answered): void {
  answered.backend.gate.leave()
  void discard(answered.response.body)
}

/** Remembers that an object is in a cache's store, so that the next request for it doesn't queue behind misses. */
export function noteHit(exchange: Exchange, response: OriginResponse): void {
  const word = headerValue(response.headers, 'x-cache-status')
  if (word === 'HIT' || word === 'STALE' || word === 'UPDATING') exchange.fleet.expectedHits.add(exchange.key)
}

/**
 * The failure by its name: once the deadline, the client or a faster hedge has ended the attempt, that is its name.
 * What is no ProxyError is a mistake in the code and goes on as it is.
 */
export function named(error: unknown, patience: Patience, signal: Signal): ProxyError {
  const ended = patience.ended ?? (signal.aborted ? 'superseded' : null)
  if (ended !== null) {
    return new ProxyError('the attempt was ended', { code: ended, source: 'client', cause: error })
  }
  if (error instanceof ProxyError) return error
  throw error
}
