// Exact timers for the stages of one request. Undici's own have a resolution of half a second to a second, too coarse
// for a failover. When one is due, what has already arrived is read first: a process that was held up must not take its
// own delay for the server's.
import { ProxyError } from '../errors.ts'
import type { Body, Signal } from '../object.ts'

/** Ends a request whose answer does not begin in time, or that its caller gives up. */
export class FirstByteTimer {
  readonly #controller = new AbortController()
  readonly #ms: number
  readonly #isSafe: boolean
  #timer: NodeJS.Timeout | null = null
  #over = false

  /** `isSafe`: the request can't act at the far side, so that another server may be asked. */
  constructor(ms: number, isSafe: boolean, caller: Signal | undefined) {
    this.#ms = ms
    this.#isSafe = isSafe
    const leave = () => this.#controller.abort(leftBecause(caller?.reason))
    if (caller?.aborted) leave()
    else caller?.addEventListener('abort', leave, { once: true })
  }

  /** Aborted when the time is up or the caller leaves, also later, within the body. */
  get signal(): AbortSignal {
    return this.#controller.signal
  }

  /** An infinite time is none. */
  start(): void {
    if (!Number.isFinite(this.#ms)) return
    this.#timer = setTimeout(() => setImmediate(() => this.#expire()), this.#ms)
    this.#timer.unref()
  }

  /** The body of a request; the time runs from its end. */
  async *after(body: Body): AsyncGenerator<Uint8Array> {
    yield* body
    if (!this.#over) this.start()
  }

  /** The head is there, or the request has failed. */
  stop(): void {
    this.#over = true
    if (this.#timer) clearTimeout(this.#timer)
  }

  #expire(): void {
    if (this.#over) return
    const fields = { code: 'first-byte-timeout', source: 'origin', retryable: this.#isSafe } as const
    this.#controller.abort(new ProxyError(`no answer within ${this.#ms} ms`, fields))
  }
}

/** Tells when nothing came for a while; runs only while somebody waits, so that a slow reader is not the server's fault. */
export class SilenceTimer {
  readonly #ms: number
  readonly #onSilence: () => void
  #timer: NodeJS.Timeout | null = null
  #waiting = false
  #sinceMs = 0

  constructor(ms: number, onSilence: () => void) {
    this.#ms = ms
    this.#onSilence = onSilence
  }

  begin(): void {
    this.#waiting = true
    this.#sinceMs = performance.now()
    this.#timer ??= this.#arm(this.#ms)
  }

  end(): void {
    this.#waiting = false
  }

  stop(): void {
    this.end()
    if (this.#timer) clearTimeout(this.#timer)
    this.#timer = null
  }

  /** One timer serves many pieces: it looks how long the present wait is and sleeps for the rest. */
  #arm(ms: number): NodeJS.Timeout {
    return setTimeout(() => setImmediate(() => this.#look()), ms).unref()
  }

  #look(): void {
    if (this.#timer === null) return
    this.#timer = null
    if (!this.#waiting) return
    const leftMs = this.#sinceMs + this.#ms - performance.now()
    if (leftMs <= 0) this.#onSilence()
    else this.#timer = this.#arm(leftMs)
  }
}

/** The failure of a request whose caller left. */
export function leftBecause(reason: unknown): ProxyError {
  if (reason instanceof ProxyError) return reason
  return new ProxyError('the caller left', { code: 'client-gone', source: 'client', cause: reason })
}
