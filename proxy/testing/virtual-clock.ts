// A clock for tests and simulated worlds: time stands still until it is advanced, and timers run in their order.
import type { Clock, Random } from '../ports.ts'

interface Timer {
  readonly dueMs: number
  readonly callback: () => void
}

/** Lets every promise that is ready settle, without time passing. */
export async function settle(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve))
}

export class VirtualClock implements Clock {
  #nowMs = 0
  readonly #wallStartMs: number
  readonly #timers = new Set<Timer>()

  /** `wallStartMs` is the calendar time at which the monotonic clock shows 0. */
  constructor(wallStartMs = Date.UTC(2026, 0, 1)) {
    this.#wallStartMs = wallStartMs
  }

  monotonicMs(): number {
    return this.#nowMs
  }

  wallMs(): number {
    return this.#wallStartMs + this.#nowMs
  }

  after(delayMs: number, callback: () => void): () => void {
    const timer = { dueMs: this.#nowMs + Math.max(0, delayMs), callback }
    this.#timers.add(timer)
    return () => this.#timers.delete(timer)
  }

  /** Resolves after `delayMs` of virtual time. */
  sleep(delayMs: number): Promise<void> {
    return new Promise((resolve) => this.after(delayMs, resolve))
  }

  get pendingTimers(): number {
    return this.#timers.size
  }

  /** Moves time on by `ms`, running due timers in order; promises settle before, between and after them. */
  async advance(ms: number): Promise<void> {
    const untilMs = this.#nowMs + ms
    await settle()
    for (let timer = this.#next(untilMs); timer; timer = this.#next(untilMs)) {
      this.#timers.delete(timer)
      this.#nowMs = Math.max(this.#nowMs, timer.dueMs)
      timer.callback()
      await settle()
    }
    this.#nowMs = untilMs
    await settle()
  }

  /** Moves time on in timer order until `promise` settles; throws when no timer could ever settle it. */
  async until<T>(promise: Promise<T>, limitMs = 3_600_000): Promise<T> {
    const endMs = this.#nowMs + limitMs
    let settled = false
    const watch = () => {
      settled = true
    }
    promise.then(watch, watch)
    await settle()
    while (!settled) {
      const timer = this.#next(endMs)
      if (!timer)
        throw new Error(`nothing pending can settle the promise (at ${this.#nowMs} ms of virtual time)`)
      await this.advance(timer.dueMs - this.#nowMs)
    }
    return promise
  }

  #next(untilMs: number): Timer | undefined {
    let next: Timer | undefined
    for (const timer of this.#timers) {
      if (timer.dueMs <= untilMs && (!next || timer.dueMs < next.dueMs)) next = timer
    }
    return next
  }
}

/** Random numbers that are always `value`, for tests in which chance must not matter. */
export function constantRandom(value = 0.5): Random {
  return { next: () => value }
}
