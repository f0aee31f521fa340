// SIEVE (Zhang et al., NSDI 2024): one queue that is never reordered, and a hand that walks from its tail to its
// head, sparing once what was used and dropping the rest. Not proof against scans. Pure.
import type { EvictionPolicy } from './eviction.ts'
import { EntryTable, nothing, Queue } from './eviction-queue.ts'

export function createSieve(capacityBytes: number): EvictionPolicy {
  return new Sieve(capacityBytes)
}

class Sieve implements EvictionPolicy {
  readonly name = 'sieve'
  readonly #capacityBytes: number
  readonly #table = new EntryTable()
  readonly #queue = new Queue(this.#table, 1)
  /** Where the walk goes on; -1 means at the tail. */
  #hand = -1

  constructor(capacityBytes: number) {
    this.#capacityBytes = capacityBytes
  }

  get usedBytes(): number {
    return this.#queue.usedBytes
  }

  get size(): number {
    return this.#queue.size
  }

  has(id: number): boolean {
    return this.#table.has(id)
  }

  admit(id: number, bytes: number): readonly number[] {
    if (bytes > this.#capacityBytes) return [id]
    const dropped = this.shrinkTo(this.#capacityBytes - bytes)
    this.#table.reach(id)
    this.#table.uses[id] = 0
    this.#queue.push(id, bytes)
    return dropped
  }

  touch(id: number): void {
    if (this.has(id)) this.#table.uses[id] = 1
  }

  remove(id: number): void {
    if (!this.has(id)) return
    if (this.#hand === id) this.#hand = this.#queue.towardsHead(id)
    this.#queue.remove(id)
  }

  shrinkTo(bytes: number, limit = Number.POSITIVE_INFINITY): readonly number[] {
    if (this.#queue.usedBytes <= bytes) return nothing
    const dropped: number[] = []
    while (this.#queue.usedBytes > bytes && this.#queue.size > 0 && dropped.length < limit) {
      const victim = this.#nextUnused()
      this.remove(victim)
      dropped.push(victim)
    }
    return dropped
  }

  #nextUnused(): number {
    const uses = this.#table.uses
    let id = this.#hand === -1 ? this.#queue.tail : this.#hand
    while (uses[id] === 1) {
      uses[id] = 0
      id = this.#queue.towardsHead(id)
      if (id === -1) id = this.#queue.tail
    }
    this.#hand = id
    return id
  }
}
