// The body of an answer that S3 begins before it has done the work. Flow.
import type { Body } from '../object.ts'
import { LateVerdict } from '../policy/late-answer.ts'

/** Passes a body on as it is, and says once that it is over, and whether it was an error document. */
export class LateBody implements AsyncIterableIterator<Uint8Array> {
  readonly #source: AsyncIterator<Uint8Array>
  readonly #verdict = new LateVerdict()
  #onEnd: ((saysError: boolean) => void) | null

  constructor(source: Body, onEnd: (saysError: boolean) => void) {
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
      else this.#verdict.read(result.value)
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
    this.#onEnd?.(this.#verdict.saysError)
    this.#onEnd = null
  }
}
