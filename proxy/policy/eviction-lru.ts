// Least recently used: what was not touched for longest goes first. Pure.
import type { EvictionPolicy } from './eviction.ts'
import { EntryTable, nothing, Queue } from './eviction-queue.ts'

export function createLru(capacityBytes: number): EvictionPolicy {
  return new Lru(capacityBytes)
}

class Lru implements EvictionPolicy {
  readonly name = 'lru'
  readonly #capacityBytes: number
  readonly #table = new EntryTable()
  readonly #queue = new Queue(this.#table, 1)

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
    this.#queue.push(id, bytes)
    return dropped
  }

  touch(id: number): void {
    if (!this.has(id) || this.#queue.head === id) return
    const bytes = this.#table.bytes[id]!
    this.#queue.remove(id)
    this.#queue.push(id, bytes)
  }

  remove(id: number): void {
    if (this.has(id)) this.#queue.remove(id)
  }

  shrinkTo(bytes: number, limit = Number.POSITIVE_INFINITY): readonly number[] {
    if (this.#queue.usedBytes <= bytes) return nothing
    const dropped: number[] = []
    while (this.#queue.usedBytes > bytes && this.#queue.size > 0 && dropped.length < limit) {
      const victim = this.#queue.tail
      this.#queue.remove(victim)
      dropped.push(victim)
    }
    return dropped
  }
}
