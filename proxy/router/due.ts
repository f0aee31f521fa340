// Tells what has been waiting for too long, by one timer for all: each waits as long, so the first to come is the first
// that is due. Flow.
import type { Clock } from '../ports.ts'
import { afterArrivals } from './after-arrivals.ts'

export interface Waiting {
  /** Set by the queue, as are its neighbours. */
  dueMs: number
  earlier: Waiting | null
  later: Waiting | null
  /** Its time is over; it is no longer in the queue. */
  due(): void
}

/**
 * A list, not a Set: the table of a Set that many enter and leave is outgrown again and again, and tables that survived a
 * young collection keep those after them, with all that waited then, until a full one.
 */
export class DueQueue {
  readonly #clock: Clock
  readonly #ms: number
  #first: Waiting | null = null
  #last: Waiting | null = null
  #isArmed = false

  /** `ms`: how long each may wait. */
  constructor(ms: number, clock: Clock) {
    this.#ms = ms
    this.#clock = clock
  }

  add(one: Waiting, nowMs: number): void {
    one.dueMs = nowMs + this.#ms
    one.earlier = this.#last
    if (this.#last === null) this.#first = one
    else this.#last.later = one
    this.#last = one
    if (!this.#isArmed) this.#arm(this.#ms)
  }

  /** Who is not in the queue stays out. */
  remove(one: Waiting): void {
    if (one.earlier === null && this.#first !== one) return
    if (one.earlier === null) this.#first = one.later
    else one.earlier.later = one.later
    if (one.later === null) this.#last = one.earlier
    else one.later.earlier = one.earlier
    one.earlier = null
    one.later = null
  }

  /** The timer is left to run when nobody waits any more: the next to come makes use of it. */
  #arm(ms: number): void {
    this.#isArmed = true
    afterArrivals(this.#clock, ms, () => {
      this.#isArmed = false
      this.#look(this.#clock.monotonicMs())
    })
  }

  #look(nowMs: number): void {
    for (let one = this.#first; one !== null; one = this.#first) {
      if (one.dueMs > nowMs) {
        if (!this.#isArmed) this.#arm(one.dueMs - nowMs)
        return
      }
      this.remove(one)
      one.due()
    }
  }
}
