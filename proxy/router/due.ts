// Tells what has been waiting for too long, by one timer for all: each waits as long, so the first to come is the first
// that is due. Flow.
import type { Clock } from '../ports.ts'
import { afterArrivals } from './after-arrivals.ts'

export interface Waiting {
  /** Set by the queue. */
  dueMs: number
  /** Its time is over; it is no longer in the queue. */
  due(): void
}

export class DueQueue {
  readonly #clock: Clock
  readonly #ms: number
  readonly #waiting = new Set<Waiting>()
  #isArmed = false

  /** `ms`: how long each may wait. */
  constructor(ms: number, clock: Clock) {
    this.#ms = ms
    this.#clock = clock
  }

  add(one: Waiting, nowMs: number): void {
    one.dueMs = nowMs + this.#ms
    this.#waiting.add(one)
    if (!this.#isArmed) this.#arm(this.#ms)
  }

  remove(one: Waiting): void {
    this.#waiting.delete(one)
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
    for (const one of this.#waiting) {
      if (one.dueMs > nowMs) {
        if (!this.#isArmed) this.#arm(one.dueMs - nowMs)
        return
      }
      this.#waiting.delete(one)
      one.due()
    }
  }
}
