// Ends what is under way: what an AbortController does, at a small part of its cost to a request. Flow.
import type { Signal } from '../object.ts'

/** Both ends in one: who holds it as a `Signal` only listens. */
export class Stop implements Signal {
  aborted = false
  reason: unknown = undefined
  /** Most have one listener or none. */
  #listeners: readonly (() => void)[] = none

  addEventListener(_type: 'abort', listener: () => void): void {
    this.#listeners = this.#listeners.length === 0 ? [listener] : [...this.#listeners, listener]
  }

  removeEventListener(_type: 'abort', listener: () => void): void {
    if (this.#listeners.length > 0) this.#listeners = this.#listeners.filter((one) => one !== listener)
  }

  /** Tells every listener, once. */
  abort(reason?: unknown): void {
    if (this.aborted) return
    this.aborted = true
    this.reason = reason
    const listeners = this.#listeners
    this.#listeners = none
    for (const listener of listeners) listener()
  }
}

const none: readonly (() => void)[] = []
