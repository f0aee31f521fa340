// A body on its way from a backend to the client, piece by piece and no faster than the client reads. Flow.
import type { Body } from '../object.ts'

export interface RelayHooks {
  onChunk(bytes: number): void
  /** Called once: null when the body was complete, `cancelled` when the client left, else what broke it. */
  onEnd(
    end: { readonly kind: 'complete' | 'cancelled' } | { readonly kind: 'broken'; readonly error: unknown },
  ): void
}

/**
 * Passes a body on and reports how it ends, also when nobody ever reads it.
 * (A generator that was never started does not run its `finally`.)
 */
export class RelayedBody implements AsyncIterableIterator<Uint8Array> {
  readonly #source: AsyncIterator<Uint8Array>
  readonly #hooks: RelayHooks
  #ended = false

  constructor(source: Body, hooks: RelayHooks) {
    this.#source = source[Symbol.asyncIterator]()
    this.#hooks = hooks
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  async next(): Promise<IteratorResult<Uint8Array>> {
    try {
      const piece = await this.#source.next()
      if (piece.done) this.#end({ kind: 'complete' })
      else this.#hooks.onChunk(piece.value.length)
      return piece
    } catch (error) {
      this.#end({ kind: 'broken', error })
      throw error
    }
  }

  async return(): Promise<IteratorResult<Uint8Array>> {
    this.#end({ kind: 'cancelled' })
    await this.#source.return?.()
    return { done: true, value: undefined }
  }

  #end(end: Parameters<RelayHooks['onEnd']>[0]): void {
    if (this.#ended) return
    this.#ended = true
    this.#hooks.onEnd(end)
  }
}
