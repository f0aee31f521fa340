// The SHA-256 of a body that streams past, without holding more than one piece of it.
import { createHash, type Hash, hash } from 'node:crypto'

export class BodyDigest {
  readonly #expectedBytes: number
  #hash: Hash | null = null
  #whole = ''
  bytes = 0

  constructor(expectedBytes: number) {
    this.#expectedBytes = expectedBytes
  }

  add(chunk: Buffer): void {
    this.bytes += chunk.length
    // A body in one piece, as most are, is hashed at a third of the cost.
    if (chunk.length === this.#expectedBytes && this.bytes === chunk.length) {
      this.#whole = hash('sha256', chunk)
      return
    }
    this.#hash ??= createHash('sha256')
    this.#hash.update(chunk)
  }

  /** Lower-case hex. Call once, at the end; means nothing when `bytes` is not what was expected. */
  sha256(): string {
    if (this.#hash === null) return this.#whole || hash('sha256', '')
    return this.#hash.digest('hex')
  }
}
