// Whether the disk may be asked: after a failure it is left alone for a while, then tried, until it works again.
// Tells the log once an interval, however often things fail.
import type { Clock, Log } from '../../ports.ts'
import { describe } from './store-error.ts'

const logIntervalMs = 60_000

export interface AvailabilityParts {
  readonly clock: Clock
  readonly log: Log
  readonly retryMs: number
  /** Tries the disk; rejects while it fails. */
  probe(): Promise<void>
}

export class Availability {
  readonly #parts: AvailabilityParts
  #cancelProbe: (() => void) | null = null
  #isAvailable = true
  #isClosed = false
  #loggedAtMs = Number.NEGATIVE_INFINITY
  #failuresUntold = 0

  constructor(parts: AvailabilityParts) {
    this.#parts = parts
  }

  get isAvailable(): boolean {
    return this.#isAvailable
  }

  /** Called with each failure of the disk. */
  fail(error: unknown): void {
    if (this.#isClosed) return
    this.#tell(error)
    this.#isAvailable = false
    this.#cancelProbe ??= this.#parts.clock.after(this.#parts.retryMs, () => void this.#probe())
  }

  close(): void {
    this.#isClosed = true
    this.#cancelProbe?.()
  }

  async #probe(): Promise<void> {
    if (this.#isClosed) return
    try {
      await this.#parts.probe()
      this.#cancelProbe = null
      this.#isAvailable = true
      if (this.#failuresUntold === 0) this.#parts.log.info('store: the disk works again')
    } catch (error) {
      this.#cancelProbe = null
      this.fail(error)
    }
  }

  #tell(error: unknown): void {
    const nowMs = this.#parts.clock.monotonicMs()
    this.#failuresUntold += 1
    if (nowMs - this.#loggedAtMs < logIntervalMs) return
    this.#parts.log.error('store: the disk fails, requests go through uncached', {
      error: describe(error),
      failures: this.#failuresUntold,
      retryMs: this.#parts.retryMs,
    })
    this.#loggedAtMs = nowMs
    this.#failuresUntold = 0
  }
}
