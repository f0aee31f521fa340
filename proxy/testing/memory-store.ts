// A body store in memory for tests of the cache's flow, which can be told to fail as disks do. It keeps no limits;
// the real stores have their own tests.
import { ProxyError } from '../errors.ts'
import type { Body, EntryMeta, StoredEntry } from '../object.ts'
import type { BodyStore, StoreRefusal, StoreStats, StoreWriter } from '../ports.ts'

interface Kept {
  readonly entry: StoredEntry
  readonly bytes: Uint8Array
}

export class MemoryBodyStore implements BodyStore {
  /** Refuses every `begin` with this, while set. */
  refusal: StoreRefusal | null = null
  /** Writes reject with `store-io` once a writer holds this many bytes. */
  failAfterBytes: number | null = null
  /** Keys whose next read rejects with this error. */
  readonly badReads = new Map<string, 'corrupt' | 'store-io' | 'evicted'>()
  /** Runs within every commit, before the entry is visible. */
  whileCommitting: (() => Promise<unknown>) | null = null
  /** Bodies longer than this are returned in pieces, as from a disk. */
  pieceBytes = 65_536
  readonly touched: string[] = []
  corrupt = 0
  openWriters = 0
  readonly #kept = new Map<string, Kept>()

  get keys(): string[] {
    return [...this.#kept.keys()]
  }

  /** Stores an entry as if it had been filled before the test. */
  put(key: string, bytes: Uint8Array, meta: EntryMeta): StoredEntry {
    const entry = { key, meta }
    this.#kept.set(key, { entry, bytes })
    return entry
  }

  lookup(key: string): StoredEntry | undefined {
    return this.#kept.get(key)?.entry
  }

  touch(key: string): void {
    this.touched.push(key)
  }

  read(entry: StoredEntry, first: number, last: number): Uint8Array | Promise<Uint8Array | Body> {
    const bad = this.badReads.get(entry.key)
    if (bad) {
      this.badReads.delete(entry.key)
      this.remove(entry.key)
      this.corrupt++
      return Promise.reject(new ProxyError(`reading failed: ${bad}`, { code: bad, source: 'store' }))
    }
    const kept = this.#kept.get(entry.key)
    if (!kept) return Promise.reject(new ProxyError('entry is gone', { code: 'evicted', source: 'store' }))
    const bytes = kept.bytes.subarray(first, last + 1)
    return bytes.length <= this.pieceBytes ? bytes : Promise.resolve(inPieces(bytes, this.pieceBytes))
  }

  async begin(key: string, bodyBytes: number | null): Promise<StoreWriter | StoreRefusal> {
    if (this.refusal) return this.refusal
    this.openWriters++
    return new MemoryWriter(this, key, bodyBytes)
  }

  update(key: string, meta: EntryMeta): boolean {
    const kept = this.#kept.get(key)
    if (!kept) return false
    this.#kept.set(key, { entry: { key, meta }, bytes: kept.bytes })
    return true
  }

  remove(key: string): boolean {
    return this.#kept.delete(key)
  }

  stats(): StoreStats {
    let usedBytes = 0
    for (const { bytes } of this.#kept.values()) usedBytes += bytes.length
    return {
      entries: this.#kept.size,
      usedBytes,
      maxBytes: Number.MAX_SAFE_INTEGER,
      memoryBytes: usedBytes,
      evictions: 0,
      corrupt: this.corrupt,
      available: this.refusal === null,
    }
  }

  async close(): Promise<void> {}
}

class MemoryWriter implements StoreWriter {
  writtenBytes = 0
  readonly #store: MemoryBodyStore
  readonly #key: string
  readonly #bodyBytes: number | null
  readonly #chunks: Uint8Array[] = []
  #whole: Uint8Array | null = null

  constructor(store: MemoryBodyStore, key: string, bodyBytes: number | null) {
    this.#store = store
    this.#key = key
    this.#bodyBytes = bodyBytes
  }

  write(chunk: Uint8Array): void | Promise<void> {
    const limit = this.#store.failAfterBytes
    if (limit !== null && this.writtenBytes + chunk.length > limit) {
      return Promise.reject(new ProxyError('ENOSPC', { code: 'store-full', source: 'store' }))
    }
    this.#chunks.push(chunk)
    this.#whole = null
    this.writtenBytes += chunk.length
  }

  async read(offset: number, maxBytes: number): Promise<Uint8Array> {
    this.#whole ??= Uint8Array.from(Buffer.concat(this.#chunks))
    return this.#whole.subarray(offset, offset + maxBytes)
  }

  async commit(meta: EntryMeta): Promise<StoredEntry> {
    const bytes = await this.read(0, this.writtenBytes)
    await this.#store.whileCommitting?.()
    if (this.#bodyBytes !== null && bytes.length !== this.#bodyBytes)
      throw new Error('committed short or long')
    return this.#store.put(this.#key, bytes, meta)
  }

  async abort(): Promise<void> {
    this.#store.openWriters--
  }

  release(): void {
    this.#store.openWriters--
  }
}

async function* inPieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}
