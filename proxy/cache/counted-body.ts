// Counts a body's bytes on their way, and says once that it has ended, however it ended. Flow.
import type { Body } from '../object.ts'

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
      if (result.done) this.#end()
      else this.bytes += result.value.length
      return result
    } catch (error) {
      this.#end()
      throw error
    }
  }

  async return(): Promise<IteratorReturnResult<undefined>> {
    this.#end()
    await this.#source.return?.()
    return { done: true, value: undefined }
  }

  #end(): void {
    this.#onEnd?.()
    this.#onEnd = null
  }
}
