// Puts hot small bodies in memory before the disk. Every entry is on disk; memory holds copies of what is read whole.
import type { EntryMeta, StoredEntry } from '../object.ts'
import type { BodyStore, Stored, StoreRefusal, StoreStats, StoreWriter } from '../ports.ts'
import type { MemoryStore } from './memory-store.ts'

export function createTieredStore(memory: MemoryStore, disk: BodyStore): TieredStore {
  return new TieredStore(memory, disk)
}

export class TieredStore implements BodyStore {
  readonly #memory: MemoryStore
  readonly #disk: BodyStore
  /** Bodies being read from disk for memory. */
  readonly #promoting = new Map<StoredEntry, Promise<Uint8Array>>()

  constructor(memory: MemoryStore, disk: BodyStore) {
    this.#memory = memory
    this.#disk = disk
  }

  lookup(key: string): StoredEntry | undefined {
    return this.#memory.lookup(key) ?? this.#disk.lookup(key)
  }

  touch(key: string): void {
    this.#memory.touch(key)
    this.#disk.touch(key)
  }

  read(entry: StoredEntry, first: number, last: number): Stored | Promise<Stored> {
    if (this.#memory.lookup(entry.key) === entry) return this.#memory.read(entry, first, last)
    const isWhole = first === 0 && last === entry.meta.bodyBytes - 1
    if (!isWhole || !this.#memory.takes(entry.meta.bodyBytes)) return this.#disk.read(entry, first, last)
    return this.#promoting.get(entry) ?? this.#promote(entry, this.#disk.read(entry, first, last))
  }

  async begin(key: string, bodyBytes: number | null): Promise<StoreWriter | StoreRefusal> {
    const writer = await this.#disk.begin(key, bodyBytes)
    if ('refused' in writer) return writer
    return new TieredWriter(writer, () => this.#memory.remove(key))
  }

  update(key: string, meta: EntryMeta): boolean {
    const inMemory = this.#memory.update(key, meta)
    return this.#disk.update(key, meta) || inMemory
  }

  remove(key: string): boolean {
    const inMemory = this.#memory.remove(key)
    return this.#disk.remove(key) || inMemory
  }

  stats(): StoreStats {
    return { ...this.#disk.stats(), memoryBytes: this.#memory.stats().usedBytes }
  }

  async close(): Promise<void> {
    await this.#memory.close()
    await this.#disk.close()
  }

  /** Keeps what was read whole, if it is still the entry that lookups find. Readers that come meanwhile share one read. */
  #promote(entry: StoredEntry, read: Stored | Promise<Stored>): Uint8Array | Promise<Uint8Array> {
    if (read instanceof Uint8Array) return this.#keep(entry, read)
    const whole = inOnePiece(read, entry.meta.bodyBytes).then((bytes) => this.#keep(entry, bytes))
    this.#promoting.set(entry, whole)
    const done = () => this.#promoting.delete(entry)
    whole.then(done, done)
    return whole
  }

  #keep(entry: StoredEntry, bytes: Uint8Array): Uint8Array {
    if (this.#disk.lookup(entry.key) === entry) this.#memory.put(entry, bytes)
    return bytes
  }
}

/** A body comes from disk in pieces; memory answers from one buffer. */
async function inOnePiece(read: Stored | Promise<Stored>, bytes: number): Promise<Uint8Array> {
  const body = await read
  if (body instanceof Uint8Array) return body
  const whole = Buffer.allocUnsafeSlow(bytes)
  let at = 0
  for await (const piece of body) {
    whole.set(piece, at)
    at += piece.length
  }
  return whole
}

/** A disk writer whose commit takes the old body out of memory. */
class TieredWriter implements StoreWriter {
  readonly #writer: StoreWriter
  readonly #onReplaced: () => void

  constructor(writer: StoreWriter, onReplaced: () => void) {
    this.#writer = writer
    this.#onReplaced = onReplaced
  }

  get writtenBytes(): number {
    return this.#writer.writtenBytes
  }

  write(chunk: Uint8Array): void | Promise<void> {
    return this.#writer.write(chunk)
  }

  read(offset: number, maxBytes: number): Promise<Uint8Array> {
    return this.#writer.read(offset, maxBytes)
  }

  async commit(meta: EntryMeta): Promise<StoredEntry> {
    const entry = await this.#writer.commit(meta)
    this.#onReplaced()
    return entry
  }

  abort(): Promise<void> {
    return this.#writer.abort()
  }

  release(): void {
    this.#writer.release()
  }
}
