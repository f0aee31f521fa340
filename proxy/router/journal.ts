// The last changes of state of all backends, for the admin page and whoever follows the event stream. Flow.
import type { Transition } from './backend-record.ts'

const kept = 1000

export class Journal {
  readonly #transitions: Transition[] = []
  readonly #followers = new Set<(transition: Transition) => void>()

  get transitions(): readonly Transition[] {
    return this.#transitions
  }

  add(transition: Transition): void {
    this.#transitions.push(transition)
    if (this.#transitions.length > kept) this.#transitions.shift()
    for (const follower of this.#followers) follower(transition)
  }

  /** Calls `follower` on every change from now on; the returned function ends that. */
  follow(follower: (transition: Transition) => void): () => void {
    this.#followers.add(follower)
    return () => this.#followers.delete(follower)
  }
}
