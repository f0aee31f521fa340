// Ends what is under way: what an AbortController does, at a small part of its cost to a request. Flow.
import type { Signal } from '../object.ts'

/** Both ends in one: who holds it as a `Signal` only listens. */
export class Stop implements Signal {
  aborted = false
  reason: unknown = undefined
  /** Most have one or none. */
  #listener: (() => void) | null = null
  #others: readonly (() => void)[] = none

  addEventListener(_type: 'abort', listener: () => void): void {
    if (this.#listener === null) this.#listener = listener
    else this.#others = [...this.#others, listener]
  }

  removeEventListener(_type: 'abort', listener: () => void): void {
    if (this.#listener === listener) this.#listener = null
    else if (this.#others.length > 0) this.#others = this.#others.filter((one) => one !== listener)
  }

  /** Ends with another, for the same reason. */
  follow(other: Signal): void {
    if (other.aborted) this.abort(other.reason)
    else other.addEventListener('abort', () => this.abort(other.reason))
  }

  /** Tells every listener, once. */
  abort(reason?: unknown): void {
    if (this.aborted) return
    this.aborted = true
    this.reason = reason
    const [listener, others] = [this.#listener, this.#others]
    this.#listener = null
    this.#others = none
    listener?.()
    for (const other of others) other()
  }
}

const none: readonly (() => void)[] = []
