// A server-sent event stream (WHATWG HTML §9.2) as a body. Flow: time comes from the clock.
import type { Clock } from '../ports.ts'

const encoder = new TextEncoder()
const heartbeatMs = 15_000
const maxBufferedBytes = 1 << 20

/** One follower's stream. It ends when the client leaves; a client that stops reading is dropped, never waited for. */
export class EventStream implements AsyncIterableIterator<Uint8Array> {
  readonly #clock: Clock
  readonly #onEnd: () => void
  #buffered: string[] = []
  #bufferedBytes = 0
  #waiting: ((result: IteratorResult<Uint8Array>) => void) | null = null
  #ended = false
  #cancelHeartbeat: () => void = () => {}

  constructor(clock: Clock, onEnd: () => void) {
    this.#clock = clock
    this.#onEnd = onEnd
    this.#beat()
  }

  /** Sends one event. */
  send(event: string, data: unknown): void {
    this.#push(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`)
  }

  /** Ends the stream for good. */
  end(): void {
    if (this.#ended) return
    this.#ended = true
    this.#cancelHeartbeat()
    this.#onEnd()
    this.#waiting?.({ done: true, value: undefined })
    this.#waiting = null
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  next(): Promise<IteratorResult<Uint8Array>> {
    if (this.#buffered.length > 0) return Promise.resolve({ done: false, value: this.#take() })
    if (this.#ended) return Promise.resolve({ done: true, value: undefined })
    return new Promise((resolve) => {
      this.#waiting = resolve
    })
  }

  return(): Promise<IteratorResult<Uint8Array>> {
    this.end()
    return Promise.resolve({ done: true, value: undefined })
  }

  #push(text: string): void {
    if (this.#ended) return
    this.#buffered.push(text)
    this.#bufferedBytes += text.length
    if (this.#bufferedBytes > maxBufferedBytes) this.end()
    const waiting = this.#waiting
    this.#waiting = null
    waiting?.({ done: false, value: this.#take() })
  }

  #take(): Uint8Array {
    const bytes = encoder.encode(this.#buffered.join(''))
    this.#buffered = []
    this.#bufferedBytes = 0
    return bytes
  }

  #beat(): void {
    this.#cancelHeartbeat = this.#clock.after(heartbeatMs, () => {
      this.#push(': still here\n\n')
      if (!this.#ended) this.#beat()
    })
  }
}
