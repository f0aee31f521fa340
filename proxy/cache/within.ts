// Bounds how long a client waits for the origin. Flow.
import { ProxyError } from '../errors.ts'
import type { Body, Signal } from '../object.ts'
import type { Clock, OriginRequest } from '../ports.ts'
import type { Upstream, UpstreamAnswer } from './upstream.ts'

/** `promise`, or a ProxyError `deadline` after `ms`. What lies behind the promise goes on. */
export function within<T>(clock: Clock, ms: number, promise: Promise<T>): Promise<T> {
  const { promise: result, resolve, reject } = Promise.withResolvers<T>()
  const cancel = clock.after(Math.max(0, ms), () => reject(tooLate()))
  promise.then(resolve, reject).finally(cancel)
  return result
}

/**
 * Sends a request of one client. Rejects with a ProxyError, `deadline` once the origin has been silent for `deadlineMs`:
 * time in which the proxy waits for the client's next chunk doesn't count. null leaves the limit to the origin's own.
 */
export function send(
  request: OriginRequest & { readonly signal: Signal },
  upstream: Upstream,
  clock: Clock,
  deadlineMs: number | null,
): Promise<UpstreamAnswer> {
  if (deadlineMs === null) return upstream.fetch(request)
  const silence = new Silence(clock, Math.max(0, deadlineMs), request.signal)
  const body = request.body && silence.between(request.body)
  return silence.orElse(upstream.fetch({ ...request, body, signal: silence.signal }))
}

/** Counts time in which it is the origin's turn. */
class Silence {
  readonly #clock: Clock
  readonly #limitMs: number
  readonly #controller = new AbortController()
  readonly #expired = Promise.withResolvers<never>()
  #cancel: () => void = () => {}
  #over = false

  constructor(clock: Clock, limitMs: number, client: Signal) {
    this.#clock = clock
    this.#limitMs = limitMs
    const leave = () => this.#controller.abort(client.reason)
    if (client.aborted) leave()
    else client.addEventListener('abort', leave, { once: true })
    this.#expired.promise.catch(() => {})
    this.#start()
  }

  /** Aborted when the time is up or the client leaves, also later, within the body. */
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
      this.#over = true
      this.#cancel()
    }
  }

  #start(): void {
    this.#cancel()
    if (this.#over) return
    this.#cancel = this.#clock.after(this.#limitMs, () => this.#expire())
  }

  #expire(): void {
    const error = tooLate()
    this.#expired.reject(error)
    this.#controller.abort(error)
  }
}

function tooLate(): ProxyError {
  return new ProxyError('the origin did not answer within the deadline', {
    code: 'deadline',
    source: 'origin',
  })
}
