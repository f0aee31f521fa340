// Passes a body on and keeps its pieces for whoever wants the whole of it. Flow.
import type { Body } from '../object.ts'

/** `onEnd` gets all pieces of a body that came whole, as long as promised, else null. Called once. */
export class TeeBody implements AsyncIterableIterator<Uint8Array> {
  readonly #source: AsyncIterator<Uint8Array>
  readonly #expectedBytes: number
  readonly #onEnd: (pieces: readonly Uint8Array[] | null) => void
  readonly #pieces: Uint8Array[] = []
  #bytes = 0
  #ended = false

  constructor(body: Body, expectedBytes: number, onEnd: (pieces: readonly Uint8Array[] | null) => void) {
    this.#source = body[Symbol.asyncIterator]()
    this.#expectedBytes = expectedBytes
    this.#onEnd = onEnd
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  async next(): Promise<IteratorResult<Uint8Array>> {
    try {
      const piece = await this.#source.next()
      if (piece.done) this.#end(this.#bytes === this.#expectedBytes)
      else this.#keep(piece.value)
      return piece
    } catch (error) {
      this.#end(false)
      throw error
    }
  }

  async return(): Promise<IteratorResult<Uint8Array>> {
    this.#end(false)
    await this.#source.return?.()
    return { done: true, value: undefined }
  }

  #keep(piece: Uint8Array): void {
    this.#bytes += piece.length
    if (this.#bytes <= this.#expectedBytes) this.#pieces.push(piece)
  }

  #end(whole: boolean): void {
    if (this.#ended) return
    this.#ended = true
    this.#onEnd(whole ? this.#pieces : null)
  }
}
