// One attempt: one server is asked, once it has a connection to spare, and told what that says of its health. Flow.
import { ProxyError } from '../errors.ts'
import { type HeaderList, headerValue, type Signal } from '../object.ts'
import type { OriginRequest, OriginResponse, Receiver } from '../ports.ts'
import type { Backend } from './backend.ts'
import { discard } from './body.ts'
import type { Exchange } from './exchange.ts'
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

/** Whom an attempt tells of its end: one of the two, once, perhaps before the call that begins it returns. */
export interface Asker {
  ended(attempt: Attempt): void
  /** A mistake in the code. */
  broke(error: unknown): void
}

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
    const asked = exchange.isLate ? { ...usual, betweenBytesMs: writeTimeoutMs } : usual
    return new Promise((ended, broke) => {
      new Asking(exchange, backend, because, asked, { ended, broke }).send(clock.monotonicMs())
    })
  }
  if (backend.gate.tryEnter(exchange.expectsHit)) return send()
  const startedMs = clock.monotonicMs()
  return backend.gate.enter(exchange.expectsHit, signal).then(
    () => {
      exchange.queuedMs += clock.monotonicMs() - startedMs
      return send()
    },
    (cause) => failed(exchange, backend, cause, signal, startedMs),
  )
}

/** A request to a server that has a connection to spare. */
export class Asking implements Receiver {
  readonly #exchange: Exchange
  readonly #backend: Backend
  readonly #because: string
  readonly #asked: OriginRequest & { readonly signal: Signal }
  readonly #asker: Asker
  #sentMs = 0

  constructor(
    exchange: Exchange,
    backend: Backend,
    because: string,
    asked: OriginRequest & { readonly signal: Signal },
    asker: Asker,
  ) {
    this.#exchange = exchange
    this.#backend = backend
    this.#because = because
    this.#asked = asked
    this.#asker = asker
  }

  send(nowMs: number): void {
    this.#sentMs = nowMs
    this.#exchange.sentMs = nowMs
    this.#backend.counters.requests++
    this.#backend.rate.count(nowMs)
    this.#backend.send(this.#asked, this)
  }

  answered(response: OriginResponse): void {
    try {
      this.#backend.headArrived(response, this.#sentMs)
      if (saysError(response)) {
        this.#askPast(response)
        return
      }
    } catch (mistake) {
      this.failed(mistake)
      return
    }
    this.#end(response)
  }

  failed(cause: unknown): void {
    this.#backend.gate.leave()
    let ended: Failed
    try {
      ended = failed(this.#exchange, this.#backend, cause, this.#asked.signal, this.#sentMs)
    } catch (mistake) {
      this.#asker.broke(mistake)
      return
    }
    this.#asker.ended(ended)
  }

  #askPast(document: OriginResponse): void {
    pastErrorDocument(this.#exchange, this.#backend, document, this.#asked).then(
      (response) => this.#end(response),
      (cause) => this.failed(cause),
    )
  }

  #end(response: OriginResponse): void {
    this.#asker.ended({ kind: 'answered', backend: this.#backend, response, because: this.#because })
  }
}

function failed(
  exchange: Exchange,
  backend: Backend,
  cause: unknown,
  signal: Signal,
  sinceMs: number,
): Failed {
  const error = named(cause, exchange, signal)
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
export function named(error: unknown, exchange: Exchange, signal: Signal): ProxyError {
  const ended = exchange.patience.ended ?? (signal.aborted ? 'superseded' : null)
  if (ended !== null) {
    return new ProxyError('the attempt was ended', { code: ended, source: 'client', cause: error })
  }
  if (error instanceof ProxyError) return error
  throw error
}
