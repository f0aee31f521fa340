// Remembers which objects cache nodes answered from their store lately, to tell hits from misses before asking. Flow.

/** Two generations of keys: bounded memory, no clock, and a key asked for regularly is never forgotten. */
export class ExpectedHits {
  readonly #perGeneration: number
  #young = new Set<string>()
  #old = new Set<string>()

  constructor(perGeneration: number) {
    this.#perGeneration = perGeneration
  }

  add(key: string): void {
    if (this.#young.has(key)) return
    if (this.#young.size >= this.#perGeneration) {
      this.#old = this.#young
      this.#young = new Set()
    }
    this.#young.add(key)
  }

  clear(): void {
    this.#young = new Set()
    this.#old = new Set()
  }

  has(key: string): boolean {
    return this.#young.has(key) || this.#old.has(key)
  }
}
