// Counts events by the second. Flow: time comes from the clock.
import type { Clock } from '../ports.ts'

/** Events in the last full second. */
export class Rate {
  readonly #clock: Clock
  #second = 0
  #count = 0
  #last = 0
  max = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  count(nowMs: number): void {
    this.#turn(nowMs)
    this.#count++
  }

  perSecond(): number {
    this.#turn(this.#clock.monotonicMs())
    return this.#last
  }

  #turn(nowMs: number): void {
    const second = Math.floor(nowMs / 1000)
    if (second === this.#second) return
    this.#last = second === this.#second + 1 ? this.#count : 0
    this.max = Math.max(this.max, this.#count)
    this.#second = second
    this.#count = 0
  }
}
