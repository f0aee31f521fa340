// The body of an origin's answer: its errors named, its silence bounded, its connection given back.
import type { Readable } from 'node:stream'
import { ProxyError } from '../errors.ts'
import { originError } from './http-origin-errors.ts'
import { SilenceTimer } from './stage-timers.ts'

/**
 * Undici itself holds a body to its Content-Length. An object, not a generator: a body that is thrown away unread must
 * give its connection back, and `return()` on a generator that never started runs nothing.
 */
export class OriginBody implements AsyncIterableIterator<Uint8Array> {
  readonly #body: Readable
  readonly #method: string
  readonly #name: string
  readonly #silence: SilenceTimer
  #pieces: AsyncIterator<Uint8Array> | null = null

  constructor(body: Readable, method: string, name: string, betweenBytesMs: number) {
    this.#body = body
    this.#method = method
    this.#name = name
    this.#silence = new SilenceTimer(betweenBytesMs, () => {
      const fields = { code: 'between-bytes-timeout', source: 'origin' } as const
      body.destroy(new ProxyError(`${name}: the body stood still for ${betweenBytesMs} ms`, fields))
    })
    body.on('error', () => {}) // told to who reads it; a body that nobody reads any more may fail in silence
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  async next(): Promise<IteratorResult<Uint8Array>> {
    this.#pieces ??= this.#body[Symbol.asyncIterator]()
    this.#silence.begin()
    try {
      const piece = await this.#pieces.next()
      if (piece.done) this.#silence.stop()
      else this.#silence.end()
      return piece
    } catch (error) {
      this.#silence.stop()
      throw originError(error, { method: this.#method, stage: 'body', name: this.#name })
    }
  }

  async return(): Promise<IteratorResult<Uint8Array>> {
    this.#silence.stop()
    this.#body.destroy()
    return { done: true, value: undefined }
  }
}
