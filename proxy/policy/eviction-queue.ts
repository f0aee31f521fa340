// Queues of small integers as linked lists laid over typed arrays, which every eviction policy is made of. Pure.
// No object per entry: millions of entries cost the garbage collector nothing.

const none = -1

/** What is known of each id, by index. An id is in one queue at a time; `queue` 0 means in none. */
export class EntryTable {
  next = new Int32Array(1024)
  prev = new Int32Array(1024)
  bytes = new Float64Array(1024)
  queue = new Uint8Array(1024)
  /** Uses since the entry was admitted or last spared; each policy says how far it counts. */
  uses = new Uint8Array(1024)

  /** Makes room for `id`. */
  reach(id: number): void {
    if (id < this.queue.length) return
    const length = Math.max(id + 1, this.queue.length * 2)
    this.next = grown(new Int32Array(length), this.next)
    this.prev = grown(new Int32Array(length), this.prev)
    this.bytes = grown(new Float64Array(length), this.bytes)
    this.queue = grown(new Uint8Array(length), this.queue)
    this.uses = grown(new Uint8Array(length), this.uses)
  }

  has(id: number): boolean {
    return id < this.queue.length && this.queue[id] !== 0
  }
}

function grown<T extends Int32Array | Float64Array | Uint8Array>(larger: T, old: T): T {
  larger.set(old)
  return larger
}

/** One queue over an `EntryTable`: entries join at the head and leave at the tail. */
export class Queue {
  head = none
  tail = none
  usedBytes = 0
  size = 0
  readonly #table: EntryTable
  readonly #number: number

  /** `number` tells this queue from the others over the same table, and is not 0. */
  constructor(table: EntryTable, number: number) {
    this.#table = table
    this.#number = number
  }

  push(id: number, bytes: number): void {
    const table = this.#table
    table.queue[id] = this.#number
    table.bytes[id] = bytes
    table.prev[id] = none
    table.next[id] = this.head
    if (this.head === none) this.tail = id
    else table.prev[this.head] = id
    this.head = id
    this.usedBytes += bytes
    this.size += 1
  }

  remove(id: number): void {
    const table = this.#table
    const next = table.next[id]!
    const prev = table.prev[id]!
    if (prev === none) this.head = next
    else table.next[prev] = next
    if (next === none) this.tail = prev
    else table.prev[next] = prev
    table.queue[id] = 0
    this.usedBytes -= table.bytes[id]!
    this.size -= 1
  }

  /** The neighbour towards the head, -1 at the head. */
  towardsHead(id: number): number {
    return this.#table.prev[id]!
  }
}

/** The answer of an operation that drops nothing; shared, so that it costs nothing. */
export const nothing: readonly number[] = Object.freeze([])
