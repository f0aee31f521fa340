// One client's way through a body that is being fetched: at its own pace, from what has arrived. Flow.
import { ProxyError } from '../errors.ts'
import type { Body } from '../object.ts'

/** What a waiter needs of its fill. */
export interface GrowingBody {
  /** The next bytes from `offset`, waiting for them; empty at the end. Rejects when the fill broke. */
  next(offset: number, maxBytes: number): Promise<Uint8Array>
  /** The same bytes straight from the origin, for one reader, when the store has failed. */
  direct(first: number, last: number): Promise<Body>
}

const readBytes = 131_072

/** It must `leave`, or read to the end, or `return`: the body is kept for it until then. */
export class Waiter implements AsyncIterableIterator<Uint8Array> {
  readonly #source: GrowingBody
  readonly #onLeave: () => void
  #offset = 0
  #last = Number.POSITIVE_INFINITY
  #direct: AsyncIterator<Uint8Array> | null = null
  #open = true

  constructor(source: GrowingBody, onLeave: () => void) {
    this.#source = source
    this.#onLeave = onLeave
  }

  /** The body from byte `first` to `last`, inclusive; Infinity for its end. */
  body(first: number, last: number): Body {
    this.#offset = first
    this.#last = last
    return this
  }

  leave(): void {
    if (this.#open) this.#onLeave()
    this.#open = false
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  async next(): Promise<IteratorResult<Uint8Array, undefined>> {
    if (!this.#open || this.#offset > this.#last) return this.return()
    try {
      const chunk = await this.#read()
      if (chunk.length === 0) return this.return()
      this.#offset += chunk.length
      return { done: false, value: chunk }
    } catch (error) {
      this.leave()
      throw error
    }
  }

  async return(): Promise<IteratorReturnResult<undefined>> {
    this.leave()
    await this.#direct?.return?.()
    return { done: true, value: undefined }
  }

  async #read(): Promise<Uint8Array> {
    if (this.#direct === null) {
      try {
        return await this.#source.next(this.#offset, Math.min(readBytes, this.#last - this.#offset + 1))
      } catch (error) {
        if (!(error instanceof ProxyError && error.source === 'store')) throw error
        const rest = await this.#source.direct(this.#offset, this.#last)
        this.#direct = rest[Symbol.asyncIterator]()
      }
    }
    const { done, value } = await this.#direct.next()
    return done ? new Uint8Array(0) : value
  }
}
