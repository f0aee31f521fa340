// Who may ask an origin now: everybody, until it begs off (503, SlowDown); then as many at once as policy/throttle.ts
// allows, the others in their turn. Flow.
import { ProxyError } from '../errors.ts'
import { headerValue } from '../object.ts'
import {
  hasRoom,
  isSpent,
  retryAfterMs,
  slowed,
  type Throttle,
  unthrottled,
  wentWell,
} from '../policy/throttle.ts'
import type { Clock, OriginRequest, OriginResponse } from '../ports.ts'

export interface TurnOptions {
  /** Requests at once from which an origin counts as taking everything again. */
  readonly ceiling: number
  /** Longest wait for a turn. */
  readonly waitMs: number
}

export interface TurnsState {
  /** Requests that may wait for their answer at once; null: any number. */
  readonly limit: number | null
  readonly inFlight: number
  readonly waiting: number
  /** Answers 503. */
  readonly slowDowns: number
  /** Requests that were never sent, because their turn did not come in time. */
  readonly refused: number
}

export class Turns {
  readonly #options: TurnOptions
  readonly #clock: Clock
  readonly #waiting = new Set<() => void>()
  #throttle: Throttle = unthrottled
  #inFlight = 0
  #slowDowns = 0
  #refused = 0

  constructor(options: TurnOptions, clock: Clock) {
    this.#options = options
    this.#clock = clock
  }

  /** null: at once. Else it waits, rejecting with `slow-down` or as `signal` does. Whoever got in calls `leave` once. */
  enter(signal: OriginRequest['signal']): Promise<void> | null {
    if (this.#waiting.size > 0 || !hasRoom(this.#throttle, this.#inFlight)) return this.#wait(signal)
    this.#inFlight++
    return null
  }

  leave(): void {
    this.#inFlight--
    this.#admit()
  }

  /** Would a 503 to a request sent at `sentMs` say that asking for less doesn't help? */
  isSpent(sentMs: number): boolean {
    return isSpent(this.#throttle, sentMs)
  }

  /** Any answer to a request sent at `sentMs`, entered or not. */
  heard({ status, headers }: OriginResponse, sentMs: number): void {
    const nowMs = this.#clock.monotonicMs()
    if (status === 503) {
      this.#slowDowns++
      const inFlight = Math.max(1, this.#inFlight)
      const seen = { sentMs, inFlight, retryAfterMs: retryAfterMs(headerValue(headers, 'retry-after')) }
      this.#throttle = slowed(this.#throttle, seen, nowMs)
    } else if (status < 500) {
      this.#throttle = wentWell(this.#throttle, nowMs, this.#options.ceiling)
    }
  }

  /** How long what can wait should, ms. */
  get heldMs(): number {
    return Math.max(0, this.#throttle.heldUntilMs - this.#clock.monotonicMs())
  }

  /** Whether requests are held back at all. */
  get isLimited(): boolean {
    return this.#throttle.limit !== Number.POSITIVE_INFINITY
  }

  get state(): TurnsState {
    const { limit } = this.#throttle
    return {
      limit: this.isLimited ? Math.floor(limit) : null,
      inFlight: this.#inFlight,
      waiting: this.#waiting.size,
      slowDowns: this.#slowDowns,
      refused: this.#refused,
    }
  }

  #wait(signal: OriginRequest['signal']): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const over = () => {
      this.#waiting.delete(admit)
      cancel()
      signal?.removeEventListener('abort', left)
    }
    const admit = () => {
      over()
      this.#inFlight++
      resolve()
    }
    const left = () => {
      over()
      reject(gone(signal?.reason))
    }
    const cancel = this.#clock.after(this.#options.waitMs, () => {
      over()
      this.#refused++
      reject(beggedOff())
    })
    if (signal?.aborted) left()
    else {
      signal?.addEventListener('abort', left, { once: true })
      this.#waiting.add(admit)
    }
    return promise
  }

  #admit(): void {
    for (const admit of this.#waiting) {
      if (!hasRoom(this.#throttle, this.#inFlight)) return
      admit()
    }
  }
}

function gone(reason: unknown): ProxyError {
  if (reason instanceof ProxyError) return reason
  return new ProxyError('the client left before its turn', {
    code: 'client-gone',
    source: 'client',
    cause: reason,
  })
}

function beggedOff(): ProxyError {
  return new ProxyError('the origin asks for fewer requests, and the turn of this one did not come', {
    code: 'slow-down',
    source: 'origin',
    retryable: true,
  })
}
