// Passes a request on uncached, byte for byte, and bounds how long silence lasts. Flow.
import type { Body, ProxyRequest } from '../object.ts'
import { ownHeaders } from '../policy/cache-status.ts'
import { endToEnd } from '../policy/hop-by-hop.ts'
import type { Clock } from '../ports.ts'
import type { Upstream, UpstreamAnswer } from './upstream.ts'
import { tooLate } from './within.ts'

/**
 * Sends the request as it came, less hop-by-hop headers. Rejects with a ProxyError, `deadline` once the origin has been
 * silent for `deadlineMs`: time in which the proxy waits for the client's next chunk doesn't count.
 */
export function pass(
  request: ProxyRequest,
  upstream: Upstream,
  clock: Clock,
  deadlineMs: number,
): Promise<UpstreamAnswer> {
  const silence = new Silence(clock, deadlineMs)
  const body = request.body && silence.between(request.body)
  const signal = AbortSignal.any([silence.signal, request.signal])
  const { method, target } = request
  const headers = endToEnd(request.headers, ownHeaders)
  const answer = upstream.fetch({ method, target, headers, body, signal })
  return silence.orElse(answer)
}

/** Counts time in which it is the origin's turn. */
class Silence {
  readonly #clock: Clock
  readonly #limitMs: number
  readonly #controller = new AbortController()
  readonly #expired = Promise.withResolvers<never>()
  #cancel: () => void = () => {}

  constructor(clock: Clock, limitMs: number) {
    this.#clock = clock
    this.#limitMs = limitMs
    this.#expired.promise.catch(() => {})
    this.#start()
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  async *between(body: Body): AsyncGenerator<Uint8Array> {
    this.#cancel()
    for await (const chunk of body) {
      this.#start()
      yield chunk
      this.#cancel()
    }
    this.#start()
  }

  async orElse<T>(answer: Promise<T>): Promise<T> {
    try {
      return await Promise.race([answer, this.#expired.promise])
    } finally {
      this.#cancel()
    }
  }

  #start(): void {
    this.#cancel()
    this.#cancel = this.#clock.after(this.#limitMs, () => this.#expire())
  }

  #expire(): void {
    const error = tooLate()
    this.#expired.reject(error)
    this.#controller.abort(error)
  }
}
