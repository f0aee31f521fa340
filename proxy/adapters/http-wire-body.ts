// The body of an answer of the lean client: pieces as they came, read at the reader's pace, and its errors by name.
import type { ProxyError } from '../errors.ts'
import { SilenceTimer } from './stage-timers.ts'

/** What brings the pieces. */
export interface BodySource {
  /** The reader is behind. */
  pause(): void
  /** The reader has caught up. */
  resume(): void
  /** Nobody reads on. */
  leave(): void
  /** Nothing came for too long: the body is to be ended. */
  stoodStill(): void
}

/** More than this is not taken from the connection ahead of the reader. */
export const aheadBytes = 64 * 1024

/** An object, not a generator: a body that is thrown away unread must give its connection back. */
export class WireBody implements AsyncIterableIterator<Uint8Array> {
  readonly #source: BodySource
  readonly #silence: SilenceTimer
  #pieces: Uint8Array[] = []
  #bytes = 0
  #ended = false
  #error: ProxyError | null = null
  #waiting: PromiseWithResolvers<IteratorResult<Uint8Array>> | null = null

  constructor(source: BodySource, betweenBytesMs: number) {
    this.#source = source
    this.#silence = new SilenceTimer(betweenBytesMs, () => source.stoodStill())
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  /** A piece came. */
  push(piece: Uint8Array): void {
    const waiting = this.#waiting
    if (waiting !== null) {
      this.#waiting = null
      this.#silence.end()
      waiting.resolve({ done: false, value: piece })
      return
    }
    this.#pieces.push(piece)
    this.#bytes += piece.length
    if (this.#bytes >= aheadBytes) this.#source.pause()
  }

  /** The last piece has come, or (with an error) never will. */
  end(error: ProxyError | null): void {
    if (this.#ended) return
    this.#ended = true
    this.#error = error
    this.#silence.stop()
    const waiting = this.#waiting
    this.#waiting = null
    if (error === null) waiting?.resolve({ done: true, value: undefined })
    else waiting?.reject(error)
  }

  next(): Promise<IteratorResult<Uint8Array>> {
    const piece = this.#pieces.shift()
    if (piece !== undefined) {
      const wasBehind = this.#bytes >= aheadBytes
      this.#bytes -= piece.length
      if (wasBehind && this.#bytes < aheadBytes) this.#source.resume()
      return Promise.resolve({ done: false, value: piece })
    }
    if (this.#ended)
      return this.#error ? this.#fail(this.#error) : Promise.resolve({ done: true, value: undefined })
    this.#silence.begin()
    this.#waiting = Promise.withResolvers()
    return this.#waiting.promise
  }

  /** An error is told once. */
  #fail(error: ProxyError): Promise<never> {
    this.#error = null
    return Promise.reject(error)
  }

  return(): Promise<IteratorResult<Uint8Array>> {
    this.#pieces = []
    this.#bytes = 0
    if (!this.#ended) {
      this.end(null)
      this.#source.leave()
    }
    return Promise.resolve({ done: true, value: undefined })
  }
}

/** A body that had come whole with its head. */
export class WholeBody implements AsyncIterableIterator<Uint8Array> {
  #bytes: Uint8Array | null

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes.length > 0 ? bytes : null
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  next(): Promise<IteratorResult<Uint8Array>> {
    const value = this.#bytes
    this.#bytes = null
    return Promise.resolve(value === null ? { done: true, value: undefined } : { done: false, value })
  }

  return(): Promise<IteratorResult<Uint8Array>> {
    this.#bytes = null
    return Promise.resolve({ done: true, value: undefined })
  }
}
