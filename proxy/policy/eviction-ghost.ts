// The keys that probation dropped lately, without their bodies: what S3-FIFO admits to its main queue at once when it
// is asked for again. Pure.
import { EntryTable, Queue } from './eviction-queue.ts'
import { IdTable } from './id-table.ts'

/** First in, first out, up to a number of bytes that the remembered objects had, and up to a number of keys. */
export class GhostList {
  readonly #capacityBytes: number
  readonly #maxKeys: number
  readonly #byFingerprint = new IdTable()
  readonly #table = new EntryTable()
  readonly #queue = new Queue(this.#table, 1)
  readonly #freeIds: number[] = []
  #fingerprints = new Uint32Array(1024)

  constructor(capacityBytes: number, maxKeys: number) {
    this.#capacityBytes = capacityBytes
    this.#maxKeys = maxKeys
  }

  get size(): number {
    return this.#queue.size
  }

  /** Remembers a key; the oldest are forgotten to make room. */
  add(fingerprint: number, bytes: number): void {
    if (bytes > this.#capacityBytes) return
    while (this.#queue.usedBytes + bytes > this.#capacityBytes || this.#queue.size >= this.#maxKeys)
      this.#forget(this.#queue.tail)
    const id = this.#freeIds.pop() ?? this.#queue.size
    this.#reach(id)
    this.#fingerprints[id] = fingerprint
    this.#queue.push(id, bytes)
    this.#byFingerprint.insert(fingerprint, id)
  }

  /** True when the key was remembered; it is forgotten now. */
  take(fingerprint: number): boolean {
    const id = this.#byFingerprint.find(fingerprint, this.#isAny)
    if (id === -1) return false
    this.#forget(id)
    return true
  }

  /** A fingerprint is all that tells ghosts apart. */
  readonly #isAny = (): boolean => true

  #forget(id: number): void {
    this.#byFingerprint.delete(this.#fingerprints[id]!, id)
    this.#queue.remove(id)
    this.#freeIds.push(id)
  }

  #reach(id: number): void {
    this.#table.reach(id)
    if (id < this.#fingerprints.length) return
    const larger = new Uint32Array(this.#table.queue.length)
    larger.set(this.#fingerprints)
    this.#fingerprints = larger
  }
}
