// Bounds the requests that are with one server and those that wait for it. Flow. Requests expected to hit are served
// before misses and have connections that misses can't take, so that a hit never waits behind a slow miss.
import { ProxyError } from '../errors.ts'
import type { Signal } from '../object.ts'
import type { Clock } from '../ports.ts'
import type { QueueOptions } from './options.ts'

interface Waiter {
  readonly admit: () => void
}

export class Gate {
  readonly #slots: number
  readonly #slotsForMisses: number
  readonly #options: QueueOptions
  readonly #clock: Clock
  readonly #hits = new Set<Waiter>()
  readonly #misses = new Set<Waiter>()
  #taken = 0
  maxQueued = 0
  maxTaken = 0

  constructor(slots: number, options: QueueOptions, clock: Clock) {
    this.#slots = slots
    this.#slotsForMisses = Math.max(1, slots - Math.floor(slots * options.reservedForHits))
    this.#options = options
    this.#clock = clock
  }

  get taken(): number {
    return this.#taken
  }

  get queued(): number {
    return this.#hits.size + this.#misses.size
  }

  /** Takes a slot when one is free for this kind of request. Whoever got in calls `leave` once. */
  tryEnter(expectsHit: boolean): boolean {
    const ahead = expectsHit ? this.#hits.size : this.queued
    if (ahead > 0 || this.#taken >= (expectsHit ? this.#slots : this.#slotsForMisses)) return false
    this.#take()
    return true
  }

  /** Waits for a slot; rejects with `queue-full`, `queue-timeout`, or with the signal's reason. */
  enter(expectsHit: boolean, signal: Signal): Promise<void> {
    if (this.queued >= this.#options.maxQueue) return Promise.reject(refusal('queue-full'))
    const queue = expectsHit ? this.#hits : this.#misses
    return new Promise((resolve, reject) => {
      const done = () => {
        queue.delete(waiter)
        cancel()
        signal.removeEventListener('abort', onAbort)
      }
      const fail = (error: unknown) => {
        done()
        reject(error)
      }
      const onAbort = () => fail(signal.reason)
      const cancel = this.#clock.after(this.#options.timeoutMs, () => fail(refusal('queue-timeout')))
      const waiter = {
        admit: () => {
          done()
          this.#take()
          resolve()
        },
      }
      signal.addEventListener('abort', onAbort, { once: true })
      queue.add(waiter)
      this.maxQueued = Math.max(this.maxQueued, this.queued)
    })
  }

  /** Gives a slot back; the next in line gets it. */
  leave(): void {
    this.#taken--
    const next = first(this.#hits) ?? (this.#taken < this.#slotsForMisses ? first(this.#misses) : undefined)
    next?.admit()
  }

  #take(): void {
    this.#taken++
    if (this.#taken > this.maxTaken) this.maxTaken = this.#taken
  }
}

function first(queue: ReadonlySet<Waiter>): Waiter | undefined {
  for (const waiter of queue) return waiter
}

function refusal(code: 'queue-full' | 'queue-timeout'): ProxyError {
  return new ProxyError(`the server is busy: ${code}`, { code, source: 'cache', retryable: true })
}
