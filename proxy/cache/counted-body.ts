// Counts a body's bytes on their way, and says once that it has ended, however it ended. Flow.
import type { Body, LentBody } from '../object.ts'

export class CountedBody implements AsyncIterableIterator<Uint8Array> {
  bytes = 0
  readonly #source: AsyncIterator<Uint8Array>
  #onEnd: (() => void) | null

  constructor(source: Body, onEnd: (() => void) | null = null) {
    this.#source = source[Symbol.asyncIterator]()
    this.#onEnd = onEnd
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  async next(): Promise<IteratorResult<Uint8Array, undefined>> {
    try {
      const result = await this.#source.next()
      this.count(result.done ? null : result.value)
      return result
    } catch (error) {
      this.end()
      throw error
    }
  }

  async return(): Promise<IteratorReturnResult<undefined>> {
    this.end()
    await this.#source.return?.()
    return { done: true, value: undefined }
  }

  /** A piece has been handed on; null: that was the last. */
  count(piece: Uint8Array | null): void {
    if (piece === null) this.end()
    else this.bytes += piece.length
  }

  end(): void {
    this.#onEnd?.()
    this.#onEnd = null
  }
}

/** The same for a body whose pieces are lent. */
export class CountedLentBody extends CountedBody implements LentBody {
  readonly #lender: LentBody

  constructor(source: LentBody, onEnd: () => void) {
    super(source, onEnd)
    this.#lender = source
  }

  lend(): Uint8Array | null | Promise<Uint8Array | null> {
    const piece = this.#lender.lend()
    if (piece instanceof Promise) return this.#countLater(piece)
    this.count(piece)
    return piece
  }

  leave(): void {
    this.end()
    this.#lender.leave()
  }

  async #countLater(pending: Promise<Uint8Array | null>): Promise<Uint8Array | null> {
    try {
      const piece = await pending
      this.count(piece)
      return piece
    } catch (error) {
      this.end()
      throw error
    }
  }
}
