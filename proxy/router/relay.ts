// An answer on its way to the client, piece by piece and no faster than the client reads. Flow.
import type { ProxyError } from '../errors.ts'
import type { ProxyResponse } from '../object.ts'
import { resumable } from '../policy/retry-resume.ts'
import { RelayedAnswer } from './answer.ts'
import { type Answered, drop, named, noteHit } from './attempt.ts'
import { discard } from './body.ts'
import type { Exchange, Termination } from './exchange.ts'
import { resume } from './resume.ts'
import { Scrutiny } from './scrutiny.ts'

/** The answer for the client, its headers rewritten and its body watched. */
export function relay(exchange: Exchange, answered: Answered): ProxyResponse {
  const { response, backend, because } = answered
  const { fleet, request } = exchange
  exchange.headArrived()
  noteHit(exchange, response)
  const { status } = response
  const answer = (body: ProxyResponse['body']) =>
    new RelayedAnswer(response, body, fleet.options.name, backend, because)
  if (request.method === 'HEAD' || status === 204 || status === 304) {
    drop(answered)
    exchange.over(status, backend, '--', because)
    return answer(null)
  }
  const scrutiny = new Scrutiny(exchange, answered)
  const { whole } = response
  if (whole === undefined || scrutiny.isNeeded) return answer(new RelayedBody(exchange, answered, scrutiny))
  exchange.bytes = whole.length
  backend.counters.bytesOut += whole.length
  backend.gate.leave()
  exchange.over(status, backend, '--', because)
  return answer(whole)
}

/**
 * Passes a body on; when its server breaks it off, goes on with the rest from another one, or throws, so that the
 * client's connection is cut. An object, not a generator: one that was never started would not run its `finally`,
 * and the server's connection would count as taken for ever.
 */
class RelayedBody implements AsyncIterableIterator<Uint8Array> {
  readonly #exchange: Exchange
  readonly #original: Answered
  readonly #scrutiny: Scrutiny
  #current: Answered
  #pieces: AsyncIterator<Uint8Array>
  #holdsServer = true
  #ended = false

  constructor(exchange: Exchange, answered: Answered, scrutiny: Scrutiny) {
    this.#exchange = exchange
    this.#original = answered
    this.#current = answered
    this.#scrutiny = scrutiny
    this.#pieces = answered.response.body[Symbol.asyncIterator]()
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  async next(): Promise<IteratorResult<Uint8Array>> {
    while (!this.#ended) {
      const piece = await this.#nextPiece()
      if (piece === null) continue
      if (piece.done) this.#end('--', this.#current.because)
      else {
        const verifying = this.#scrutiny.admit(piece.value)
        if (verifying !== null) await this.#verified(verifying)
        this.#count(piece.value)
      }
      return piece
    }
    return { done: true, value: undefined }
  }

  /** null: its server broke the body off, and another one goes on with it. */
  async #nextPiece(): Promise<IteratorResult<Uint8Array> | null> {
    try {
      return await this.#pieces.next()
    } catch (error) {
      await this.#goOn(error)
      return null
    }
  }

  async return(): Promise<IteratorResult<Uint8Array>> {
    if (!this.#ended) {
      this.#end('CD', 'client-gone')
      await this.#pieces.return?.()
    }
    return { done: true, value: undefined }
  }

  /** Throws what completes a body that isn't what its origin states: the client must not get it whole. */
  async #verified(verifying: Promise<void>): Promise<void> {
    try {
      await verifying
    } catch (error) {
      this.#end('SD', 'digest-mismatch')
      void discard({ [Symbol.asyncIterator]: () => this.#pieces })
      throw error
    }
  }

  #count({ length }: Uint8Array): void {
    this.#exchange.bytes += length
    this.#current.backend.counters.bytesOut += length
  }

  /** The server broke the body off: finds the rest, or throws what broke it. */
  async #goOn(cause: unknown): Promise<void> {
    const { patience, fleet } = this.#exchange
    const error = named(cause, this.#exchange, patience.signal)
    const broken = this.#current.backend
    broken.failed(error.code, fleet.ports.clock.monotonicMs(), true)
    this.#leaveServer()
    const rest = await this.#findRest(error)
    if (typeof rest === 'string') {
      this.#end(error.code === 'client-gone' ? 'CD' : 'SD', `${error.code}, ${rest}`)
      throw error
    }
    if (this.#ended) return drop(rest)
    broken.counters.resumed++
    this.#current = rest
    this.#pieces = rest.response.body[Symbol.asyncIterator]()
    this.#holdsServer = true
  }

  async #findRest(error: ProxyError): Promise<Answered | string> {
    if (error.code === 'client-gone') return 'nobody waits'
    const start = resumable(this.#exchange.request, this.#original.response)
    if (start.kind === 'cut') return start.because
    const rest = await resume(this.#exchange, this.#current.backend, start.promised, this.#exchange.bytes)
    return rest ?? 'no-rest-elsewhere'
  }

  #leaveServer(): void {
    if (!this.#holdsServer) return
    this.#holdsServer = false
    this.#current.backend.gate.leave()
  }

  #end(termination: Termination, because: string): void {
    this.#ended = true
    this.#leaveServer()
    this.#exchange.over(this.#original.response.status, this.#current.backend, termination, because)
  }
}
