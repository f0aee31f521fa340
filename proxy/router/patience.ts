// How long one request may wait for the first byte of its answer, and whether its client is still there. Flow.
import { ProxyError } from '../errors.ts'
import type { Body, Signal } from '../object.ts'
import type { Clock } from '../ports.ts'
import { afterArrivals } from './after-arrivals.ts'
import { Stop } from './stop.ts'

/** Guards one request from its arrival to the head of its answer. */
export class Patience {
  readonly #clock: Clock
  readonly #deadlineMs: number
  readonly #client: Signal
  readonly #stop = new Stop()
  readonly #onClientGone = () => this.#stop.abort(this.#client.reason)
  #cancel: () => void
  #ended: 'deadline' | 'client-gone' | null = null
  bodyTouched = false

  /** `sinceMs`: monotonic time from which the deadline counts. `client`: aborted when nobody waits any more. */
  constructor(sinceMs: number, deadlineMs: number, client: Signal, clock: Clock) {
    this.#clock = clock
    this.#deadlineMs = deadlineMs
    this.#client = client
    this.#cancel = afterArrivals(clock, sinceMs + deadlineMs - clock.monotonicMs(), () => this.#expire())
    if (this.#client.aborted) this.#stop.abort()
    else this.#client.addEventListener('abort', this.#onClientGone, { once: true })
  }

  /** Ends attempts: aborted by the deadline or with the client's connection. */
  get signal(): Signal {
    return this.#stop
  }

  /** Why attempts are ended, when they are. */
  get ended(): 'deadline' | 'client-gone' | null {
    return this.#ended ?? (this.#client.aborted ? 'client-gone' : null)
  }

  /** The head has come: the deadline no longer holds. The client's leaving still ends the body. */
  headArrived(): void {
    this.#cancel()
  }

  /** Nothing is left to be guarded. */
  over(): void {
    this.#cancel()
    this.#client.removeEventListener('abort', this.#onClientGone)
  }

  /** The request's body, watched: once touched it can't be sent again, and every chunk taken starts the deadline anew. */
  async *watched(body: Body, onChunk: (bytes: number) => void): AsyncGenerator<Uint8Array> {
    this.bodyTouched = true
    for await (const chunk of body) {
      this.#renew()
      onChunk(chunk.length)
      yield chunk
    }
    this.#renew()
  }

  #renew(): void {
    if (this.#ended !== null) return
    this.#cancel()
    this.#cancel = afterArrivals(this.#clock, this.#deadlineMs, () => this.#expire())
  }

  #expire(): void {
    this.#ended = 'deadline'
    this.#stop.abort(
      new ProxyError('no backend answered within the deadline', { code: 'deadline', source: 'origin' }),
    )
  }
}
