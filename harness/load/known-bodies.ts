// Bodies of the smaller known objects, each kept once a whole read of it had the right digest: what a read of a part of
// it is compared with, byte by byte.
import type { LoadObject } from './objects.ts'

const largestBytes = 256 * 1024
const bytesInAll = 64 * 1024 * 1024

export class KnownBodies {
  readonly #bodies = new Map<string, Buffer>()
  readonly #wanted = new Set<string>()

  /** Wants as many of the objects, in their order, as there is room for. */
  constructor(known: readonly LoadObject[]) {
    let left = bytesInAll
    for (const { key, bytes } of known) {
      if (bytes === 0 || bytes > largestBytes || bytes > left) continue
      left -= bytes
      this.#wanted.add(key)
    }
  }

  /** Whether the object's body is to be kept when it comes by. */
  isMissing(key: string): boolean {
    return this.#wanted.has(key) && !this.#bodies.has(key)
  }

  keep(key: string, body: Buffer): void {
    this.#bodies.set(key, body)
  }

  get(key: string): Buffer | undefined {
    return this.#bodies.get(key)
  }
}
