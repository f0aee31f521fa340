// Keeps bodies as files and what is known of them in an index, within a hard cap, through crashes and disk failures.
// The parts are in store/; this file joins them into a BodyStore.
import { mkdirSync } from 'node:fs'
import { setImmediate as turnOfTheLoop } from 'node:timers/promises'
import { ProxyError } from '../errors.ts'
import type { Body, EntryMeta, StoredEntry } from '../object.ts'
import { createEviction, type EvictionPolicy } from '../policy/eviction.ts'
import type { BodyStore, StoreRefusal, StoreStats, StoreWriter } from '../ports.ts'
import { bodyStream, readBlocks } from './store/block-reader.ts'
import { BodyWriter } from './store/body-writer.ts'
import { type CommittedBody, DiskWriter } from './store/disk-writer.ts'
import { EntryIndex } from './store/entry-index.ts'
import { type FileSystem, nodeFileSystem } from './store/file-system.ts'
import { type Handle, Handles } from './store/handles.ts'
import {
  blockBytes,
  bodyPath,
  fileCharge,
  indexCharge,
  inlineBytes,
  typicalRecordBytes,
} from './store/layout.ts'
import { type Charge, hashKey, Ledger, slotState } from './store/ledger.ts'
import type { DiskStoreOptions, StorePorts } from './store/options.ts'
import { decodeRecord, encodeRecord } from './store/record.ts'
import { Remover } from './store/remover.ts'
import { evicted, storeError } from './store/store-error.ts'

const openFilesKept = 512
/** Entries kept decoded; beyond them a lookup costs a hash, an index read and a JSON parse. */
const decodedKept = 8192
/** What the index may grow by between two looks at its size. */
const indexMarginBytes = 262_144
const evictionsAtOnce = 128
/** A body of unknown length reserves room in such steps. */
const growthStepBytes = 4_194_304

/** An entry as this store hands it out. */
interface DiskEntry extends StoredEntry {
  readonly slot: number
  readonly serial: number
  readonly inline: Uint8Array | null
}

/** Opens the store in `options.path`; ready when it resolves. Rejects with ProxyError `store-io` when it can't be. */
export async function openDiskStore(
  options: DiskStoreOptions,
  ports: StorePorts,
  files: FileSystem = nodeFileSystem,
): Promise<DiskStore> {
  try {
    mkdirSync(options.path, { recursive: true })
    return new DiskStore(options, ports, files)
  } catch (error) {
    throw storeError(options.path, error)
  }
}

export class DiskStore implements BodyStore {
  readonly #options: DiskStoreOptions
  readonly #ports: StorePorts
  readonly #files: FileSystem
  readonly #policy: EvictionPolicy
  readonly #ledger = new Ledger()
  readonly #index: EntryIndex
  readonly #handles: Handles
  readonly #remover: Remover
  readonly #decoded = new Map<string, DiskEntry>()
  #reservations: Promise<unknown> = Promise.resolve()
  #entries = 0
  #evictions = 0
  #corrupt = 0

  constructor(options: DiskStoreOptions, ports: StorePorts, files: FileSystem) {
    this.#options = options
    this.#ports = ports
    this.#files = files
    this.#policy = createEviction(options.eviction, options.maxBytes)
    this.#index = new EntryIndex(options.path, this.#ledger)
    this.#handles = new Handles(options.path, files, openFilesKept)
    this.#remover = new Remover({
      root: options.path,
      files,
      ledger: this.#ledger,
      index: this.#index,
      handles: this.#handles,
      onError: (error) => this.#ports.log.warn('store: removing files failed', { error: String(error) }),
    })
    this.#restore()
  }

  lookup(key: string): StoredEntry | undefined {
    const entry = this.#decoded.get(key)
    return entry !== undefined && this.#isCurrent(entry) ? entry : this.#load(key)
  }

  touch(key: string): void {
    const slot = this.#slotOf(key)
    if (slot !== -1) this.#policy.touch(slot)
  }

  read(entry: StoredEntry, first: number, last: number): Uint8Array | Promise<Uint8Array | Body> {
    const known = entry as DiskEntry
    if (known.inline !== null) return known.inline.subarray(first, last + 1)
    return this.#readFile(known, first, last)
  }

  async begin(key: string, bodyBytes: number | null): Promise<StoreWriter | StoreRefusal> {
    const charge = fillingCharge(bodyBytes)
    if ((bodyBytes ?? 0) > this.#options.maxObjectBytes) return { refused: 'object-too-large' }
    if (charge.fileBytes > this.#options.maxBytes - indexMarginBytes) return { refused: 'object-too-large' }
    const slot = await this.#reserve(charge, () => this.#ledger.allocate(hashKey(key), charge))
    if (slot === null) return { refused: 'store-full' }
    return this.#writer(key, slot)
  }

  update(key: string, meta: EntryMeta): boolean {
    const entry = this.lookup(key) as DiskEntry | undefined
    if (entry === undefined) return false
    this.#remember({ ...entry, meta })
    this.#index.putRecord(entry.slot, encodeRecord({ key, meta, inline: entry.inline }))
    void this.#flush()
    return true
  }

  remove(key: string): boolean {
    const slot = this.#slotOf(key)
    if (slot === -1) return false
    this.#drop(slot, key)
    void this.#flush()
    return true
  }

  stats(): StoreStats {
    return {
      entries: this.#entries,
      usedBytes: this.#usedBytes(),
      maxBytes: this.#options.maxBytes,
      memoryBytes: 0,
      evictions: this.#evictions,
      corrupt: this.#corrupt,
      available: true,
    }
  }

  async close(): Promise<void> {
    await this.#remover.idle()
    await this.#handles.closeAll()
    await this.#index.close()
  }

  // Restart

  #restore(): void {
    const whole: number[] = []
    for (let slot = 0; slot < this.#ledger.slotCount; slot += 1) {
      const state = this.#ledger.stateOf(slot)
      if (state === slotState.filling || state === slotState.doomed) this.#remover.doom(slot)
      else if (state !== slotState.free) whole.push(slot)
    }
    whole.sort((a, b) => this.#ledger.serialOf(a) - this.#ledger.serialOf(b))
    for (const slot of whole) this.#admit(slot)
    this.#entries = whole.length
  }

  // Lookup

  #slotOf(key: string): number {
    const entry = this.#decoded.get(key)
    return entry !== undefined && this.#isCurrent(entry) ? entry.slot : this.#ledger.find(hashKey(key))
  }

  #load(key: string): DiskEntry | undefined {
    const slot = this.#ledger.find(hashKey(key))
    if (slot === -1) return undefined
    const bytes = this.#index.record(slot)
    const isInline = this.#ledger.stateOf(slot) === slotState.inline
    const record = bytes === undefined ? null : decodeRecord(bytes, isInline)
    if (record === null) this.#quarantine(slot, key)
    if (record === null || record.key !== key) return undefined
    const { meta, inline } = record
    return this.#remember({ key, meta, inline, slot, serial: this.#ledger.serialOf(slot) })
  }

  #remember(entry: DiskEntry): DiskEntry {
    this.#decoded.set(entry.key, entry)
    if (this.#decoded.size > decodedKept) this.#decoded.delete(this.#decoded.keys().next().value!)
    return entry
  }

  #isCurrent(entry: DiskEntry): boolean {
    return this.#ledger.serialOf(entry.slot) === entry.serial && this.#ledger.isWhole(entry.slot)
  }

  // Reading

  async #readFile(entry: DiskEntry, first: number, last: number): Promise<Uint8Array | Body> {
    if (!this.#isCurrent(entry)) throw evicted(entry.key)
    const handle = await this.#open(entry)
    const body = { key: entry.key, bodyBytes: entry.meta.bodyBytes, handle }
    const onEnd = (error: unknown) => this.#endRead(entry, handle, error)
    try {
      const block = Math.floor(first / blockBytes)
      const blockEnd = Math.min((block + 1) * blockBytes, last + 1)
      const head = (await readBlocks(this.#files, body, block, block)).subarray(
        first - block * blockBytes,
        blockEnd - block * blockBytes,
      )
      if (blockEnd <= last) return bodyStream(this.#files, body, head, first, last, onEnd)
      onEnd(undefined)
      return head
    } catch (error) {
      onEnd(error)
      throw storeError(entry.key, error)
    }
  }

  async #open(entry: DiskEntry): Promise<Handle> {
    try {
      return await this.#handles.acquire(entry.slot, entry.serial)
    } catch (error) {
      if (!this.#isCurrent(entry)) throw evicted(entry.key)
      throw storeError(entry.key, error)
    }
  }

  #endRead(entry: DiskEntry, handle: Handle, error: unknown): void {
    this.#handles.release(handle)
    const isDamaged = error instanceof ProxyError && error.code === 'corrupt'
    if (isDamaged && this.#isCurrent(entry)) this.#quarantine(entry.slot, entry.key)
  }

  #quarantine(slot: number, key: string): void {
    this.#corrupt += 1
    this.#ports.log.warn('store: damaged entry dropped', { key })
    this.#drop(slot, key)
    void this.#flush()
  }

  // Writing

  #writer(key: string, slot: number): DiskWriter {
    const serial = this.#ledger.serialOf(slot)
    const create = async () => {
      // The file must be in the books before it is on the disk.
      await this.#index.flush()
      return this.#files.create(bodyPath(this.#options.path, slot, serial))
    }
    return new DiskWriter(new BodyWriter(key, serial, this.#files, create), {
      grow: (bodyBytes) => this.#grow(slot, bodyBytes),
      commit: (body, meta) => this.#commit(slot, body, meta),
      abandon: (body) => this.#abandon(slot, body),
      release: (handle) => this.#handles.release(handle),
    })
  }

  /** Makes sure that a growing body of so many bytes has room; null when it has it already. */
  #grow(slot: number, bodyBytes: number): Promise<boolean> | null {
    if (fileCharge(bodyBytes) <= this.#ledger.fileBytesOf(slot)) return null
    return this.#growByStep(slot, bodyBytes)
  }

  async #growByStep(slot: number, bodyBytes: number): Promise<boolean> {
    if (bodyBytes > this.#options.maxObjectBytes) return false
    const have = this.#ledger.fileBytesOf(slot)
    const more = Math.max(growthStepBytes, fileCharge(bodyBytes) - have)
    const charge = { fileBytes: have + more, indexBytes: this.#ledger.indexBytesOf(slot) }
    const grown = await this.#reserve({ fileBytes: more, indexBytes: 0 }, () => {
      this.#ledger.set(slot, slotState.filling, charge)
      return true
    })
    return grown !== null
  }

  async #commit(slot: number, body: BodyWriter, meta: EntryMeta): Promise<CommittedBody> {
    const { key, serial } = body
    const isInline = body.fd === null && meta.bodyBytes <= inlineBytes
    const inline = isInline ? new Uint8Array(body.whole()) : null
    if (!isInline) await body.finish()
    const handle = isInline ? null : this.#handles.adopt(serial, body.fd!, body.checksums)
    const record = encodeRecord({ key, meta, inline })
    const before = this.#slotOf(key)
    if (before !== -1) this.#drop(before, key)
    this.#ledger.set(slot, isInline ? slotState.inline : slotState.stored, {
      fileBytes: isInline ? 0 : fileCharge(meta.bodyBytes),
      indexBytes: indexCharge(record.length),
    })
    this.#index.putRecord(slot, record)
    this.#reveal(slot)
    const entry = this.#remember({ key, meta, inline, slot, serial })
    await this.#index.flush()
    return { entry, handle }
  }

  async #abandon(slot: number, body: BodyWriter): Promise<void> {
    await body.settle()
    if (body.fd === null) {
      this.#ledger.free(slot)
      return await this.#flush()
    }
    await this.#files.close(body.fd).catch(() => undefined)
    this.#remover.doom(slot)
  }

  // Room

  /** The index counts with what it occupies or, while it has pages to spare, with what it may grow to. */
  #usedBytes(): number {
    return this.#ledger.fileBytes + Math.max(this.#index.fileBytes, this.#ledger.indexBytes)
  }

  /** Calls `book` once there is room; null when there can't be. One after the other, or small bodies starve large ones. */
  #reserve<T>(charge: Charge, book: () => T): Promise<T | null> {
    const turn = this.#reservations.then(async () => ((await this.#makeRoom(charge)) ? book() : null))
    this.#reservations = turn.catch(() => undefined)
    return turn
  }

  async #makeRoom(charge: Charge): Promise<boolean> {
    const limit = this.#options.maxBytes - indexMarginBytes
    for (;;) {
      const excess = this.#usedBytes() + charge.fileBytes + charge.indexBytes - limit
      if (excess <= 0) return true
      const toEvict = excess - this.#remover.pendingBytes
      if (toEvict > 0 && !this.#evict(toEvict)) return false
      if (this.#remover.pendingBytes > 0) await this.#remover.progress()
      else await turnOfTheLoop()
    }
  }

  /** A bounded number of evictions; false when nothing is left to evict. */
  #evict(bytes: number): boolean {
    const victims = this.#policy.shrinkTo(this.#policy.usedBytes - bytes, evictionsAtOnce)
    for (const slot of victims) this.#forgetSlot(slot)
    this.#evictions += victims.length
    return victims.length > 0
  }

  /** Lets lookups and eviction find a complete body. */
  #reveal(slot: number): void {
    this.#ledger.reveal(slot)
    this.#admit(slot)
    this.#entries += 1
  }

  #admit(slot: number): void {
    const bytes = this.#ledger.fileBytesOf(slot) + this.#ledger.indexBytesOf(slot)
    const victims = this.#policy.admit(slot, bytes, this.#ledger.fingerprintOf(slot))
    for (const victim of victims) this.#forgetSlot(victim)
  }

  /** Drops an entry for another reason than eviction. */
  #drop(slot: number, key: string): void {
    this.#policy.remove(slot)
    this.#decoded.delete(key)
    this.#forgetSlot(slot)
  }

  #forgetSlot(slot: number): void {
    const isInline = this.#ledger.stateOf(slot) === slotState.inline
    this.#ledger.hide(slot)
    this.#index.removeRecord(slot)
    this.#entries -= 1
    if (isInline) this.#ledger.free(slot)
    else this.#remover.doom(slot)
  }

  async #flush(): Promise<void> {
    await this.#index.flush().catch((error: unknown) => {
      this.#ports.log.warn('store: index not written', { error: String(error) })
    })
  }
}

/** What a fill is charged before anything of it is known but its length. */
function fillingCharge(bodyBytes: number | null): Charge {
  const fileBytes = bodyBytes === null ? growthStepBytes : fileCharge(bodyBytes)
  return { fileBytes, indexBytes: indexCharge(typicalRecordBytes + Math.min(bodyBytes ?? 0, inlineBytes)) }
}
