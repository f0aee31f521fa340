// Keeps small bodies whole in memory, each in one buffer that can be answered from at once. Knows nothing of disks.
import assert from 'node:assert'
import type { EntryMeta, StoredEntry } from '../object.ts'
import { createEviction, type EvictionPolicy } from '../policy/eviction.ts'
import type { BodyStore, StoreRefusal, StoreStats, StoreWriter } from '../ports.ts'
import { lengthError } from './store/length-error.ts'
import type { MemoryStoreOptions } from './store/options.ts'
import { evicted, noRoom } from './store/store-error.ts'

/** What an entry costs beside its body and strings: map slots, the objects, the policy's arrays. Measured, rounded up. */
const entryOverheadBytes = 512

interface Kept {
  entry: StoredEntry
  readonly body: Uint8Array
  readonly id: number
  readonly chargedBytes: number
}

export function createMemoryStore(options: MemoryStoreOptions): MemoryStore {
  return new MemoryStore(options)
}

export class MemoryStore implements BodyStore {
  readonly #options: MemoryStoreOptions
  readonly #policy: EvictionPolicy
  readonly #byKey = new Map<string, Kept>()
  readonly #byId: (Kept | undefined)[] = []
  readonly #freeIds: number[] = []
  /** Bytes held by writers, which no eviction can free. */
  #fillingBytes = 0
  #evictions = 0

  constructor(options: MemoryStoreOptions) {
    this.#options = options
    this.#policy = createEviction(options.eviction, options.maxBytes)
  }

  lookup(key: string): StoredEntry | undefined {
    return this.#byKey.get(key)?.entry
  }

  touch(key: string): void {
    const kept = this.#byKey.get(key)
    if (kept !== undefined) this.#policy.touch(kept.id)
  }

  read(entry: StoredEntry, first: number, last: number): Uint8Array | Promise<Uint8Array> {
    const kept = this.#byKey.get(entry.key)
    if (kept === undefined || kept.entry !== entry) return Promise.reject(evicted(entry.key))
    if (first === 0 && last === kept.body.length - 1) return kept.body
    return kept.body.subarray(first, last + 1)
  }

  begin(key: string, bodyBytes: number | null): Promise<StoreWriter | StoreRefusal> {
    return Promise.resolve(this.#begin(key, bodyBytes))
  }

  /** True when an object of this size may be kept at all. */
  takes(bodyBytes: number): boolean {
    return bodyBytes <= this.#options.maxObjectBytes && bodyBytes <= this.#options.maxBytes
  }

  /** Keeps a body that is whole and verified; false when it is too large or there is no room beside the fills. */
  put(entry: StoredEntry, body: Uint8Array): boolean {
    const chargedBytes = chargeOf(entry, body.length)
    if (!this.takes(body.length) || !this.#makeRoom(chargedBytes)) return false
    this.remove(entry.key)
    const id = this.#freeIds.pop() ?? this.#byId.length
    const kept = { entry, body, id, chargedBytes }
    this.#byId[id] = kept
    this.#byKey.set(entry.key, kept)
    this.#drop(this.#policy.admit(id, chargedBytes, fingerprintOf(entry.key)))
    return true
  }

  update(key: string, meta: EntryMeta): boolean {
    const kept = this.#byKey.get(key)
    if (kept === undefined) return false
    // What another store keeps in its entry stays with it, so that it can read what we drop.
    kept.entry = { ...kept.entry, meta }
    return true
  }

  remove(key: string): boolean {
    const kept = this.#byKey.get(key)
    if (kept === undefined) return false
    this.#policy.remove(kept.id)
    this.#forget(kept)
    return true
  }

  stats(): StoreStats {
    const usedBytes = this.#policy.usedBytes + this.#fillingBytes
    return {
      entries: this.#byKey.size,
      usedBytes,
      maxBytes: this.#options.maxBytes,
      memoryBytes: usedBytes,
      evictions: this.#evictions,
      corrupt: 0,
      available: true,
    }
  }

  close(): Promise<void> {
    return Promise.resolve()
  }

  #begin(key: string, bodyBytes: number | null): StoreWriter | StoreRefusal {
    if (!this.takes(bodyBytes ?? 0)) return { refused: 'object-too-large' }
    const reserved = bodyBytes ?? 0
    if (!this.#reserve(reserved)) return { refused: 'store-full' }
    return new MemoryWriter(key, reserved, {
      reserve: (total, more) => this.takes(total) && this.#reserve(more),
      release: (bytes) => {
        this.#fillingBytes -= bytes
      },
      put: (entry, body) => this.put(entry, body),
    })
  }

  #reserve(bytes: number): boolean {
    if (!this.#makeRoom(bytes)) return false
    this.#fillingBytes += bytes
    return true
  }

  #makeRoom(bytes: number): boolean {
    const target = this.#options.maxBytes - this.#fillingBytes - bytes
    if (target < 0) return false
    this.#drop(this.#policy.shrinkTo(target))
    return true
  }

  #drop(ids: readonly number[]): void {
    for (const id of ids) {
      this.#forget(this.#byId[id]!)
      this.#evictions += 1
    }
  }

  #forget(kept: Kept): void {
    this.#byKey.delete(kept.entry.key)
    this.#byId[kept.id] = undefined
    this.#freeIds.push(kept.id)
  }
}

interface WriterHooks {
  /** Asks for room for `more` bytes of a body that will then have `total`. */
  reserve(total: number, more: number): boolean
  release(bytes: number): void
  put(entry: StoredEntry, body: Uint8Array): boolean
}

class MemoryWriter implements StoreWriter {
  writtenBytes = 0
  readonly #key: string
  readonly #hooks: WriterHooks
  #chunks: Uint8Array[] = []
  #reservedBytes: number
  #ended = false

  constructor(key: string, reservedBytes: number, hooks: WriterHooks) {
    this.#key = key
    this.#reservedBytes = reservedBytes
    this.#hooks = hooks
  }

  write(chunk: Uint8Array): void | Promise<void> {
    assert(!this.#ended, 'write after commit or abort')
    const total = this.writtenBytes + chunk.length
    const more = total - this.#reservedBytes
    if (more > 0) {
      if (!this.#hooks.reserve(total, more)) return Promise.reject(noRoom(this.#key))
      this.#reservedBytes = total
    }
    this.#chunks.push(chunk)
    this.writtenBytes = total
  }

  read(offset: number, maxBytes: number): Promise<Uint8Array> {
    let start = 0
    for (const chunk of this.#chunks) {
      if (offset < start + chunk.length) {
        return Promise.resolve(chunk.subarray(offset - start, offset - start + maxBytes))
      }
      start += chunk.length
    }
    return Promise.resolve(new Uint8Array(0))
  }

  async commit(meta: EntryMeta): Promise<StoredEntry> {
    const wrong = lengthError(this.#key, meta.bodyBytes, this.writtenBytes)
    this.#end()
    if (wrong !== null) throw wrong
    const entry = { key: this.#key, meta }
    // A copy, because a small chunk may keep a large network buffer alive.
    const body = Buffer.concat(this.#chunks)
    if (!this.#hooks.put(entry, body)) throw noRoom(this.#key)
    this.#chunks = [body]
    return entry
  }

  async abort(): Promise<void> {
    this.#end()
    this.#chunks = []
  }

  release(): void {
    this.#chunks = []
  }

  #end(): void {
    assert(!this.#ended, 'a writer ends once')
    this.#ended = true
    this.#hooks.release(this.#reservedBytes)
  }
}

function chargeOf(entry: StoredEntry, bodyBytes: number): number {
  let textLength = entry.key.length
  for (const part of entry.meta.headers) textLength += part.length
  return bodyBytes + textLength + entryOverheadBytes
}

/** FNV-1a over the key's code units: which keys were dropped lately is all it serves for. */
function fingerprintOf(key: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < key.length; i += 1) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193)
  return hash >>> 0
}
