// An opened store directory: ledger, index, files and the room among them, joined. Knows nothing of what to do when
// the disk fails; it says so (`onFailure`) and leaves the rest to the store above.
import { accessSync, constants, mkdirSync, readdirSync, rmSync } from 'node:fs'
import { setImmediate as turnOfTheLoop } from 'node:timers/promises'
import type { EntryMeta } from '../../object.ts'
import { BodyReader } from './body-reader.ts'
import { BodyWriter } from './body-writer.ts'
import { Catalog, type DiskEntry } from './catalog.ts'
import { type CommittedBody, DiskWriter } from './disk-writer.ts'
import { EntryIndex, indexPath } from './entry-index.ts'
import type { FileSystem } from './file-system.ts'
import { Handles } from './handles.ts'
import {
  allocationBytes,
  bodiesPath,
  bodyPath,
  directoryPath,
  fileCharge,
  indexCharge,
  inlineBytes,
  typicalRecordBytes,
} from './layout.ts'
import { type Charge, hashKey, Ledger, slotState } from './ledger.ts'
import type { DiskStoreOptions, StorePorts } from './options.ts'
import { encodeRecord } from './record.ts'
import { Remover } from './remover.ts'
import { Room } from './room.ts'
import { noRoom, storeClosed } from './store-error.ts'
import { sweep } from './sweep.ts'

const openFilesKept = 512
/** A body of unknown length books room in such steps, or in smaller ones where the whole store is small. */
const growthStepBytes = 4_194_304
const growthShare = 1 / 64
/** The store's directory and the one of the bodies. */
const ownDirectories = 2

export interface VolumeParts {
  readonly options: DiskStoreOptions
  readonly ports: StorePorts
  readonly files: FileSystem
  /** Told of each failure of the disk, ENOSPC and the like. */
  onFailure(error: unknown): void
  /** Told of each damaged entry, once it is dropped. */
  onDamage(key: string, error: unknown): void
}

export class Volume {
  readonly catalog: Catalog
  readonly reader: BodyReader
  readonly room: Room
  #isAccounted: boolean
  #sweeping: Promise<void>
  readonly #parts: VolumeParts
  readonly #ledger = new Ledger()
  readonly #index: EntryIndex
  readonly #handles: Handles
  readonly #remover: Remover
  #directories: Set<string>
  #isClosed = false

  /** Opens the directory, or throws what the system or SQLite throws. */
  constructor(parts: VolumeParts) {
    this.#parts = parts
    const { options, ports, files, onFailure } = parts
    const root = options.path
    mkdirSync(bodiesPath(root), { recursive: true })
    this.#directories = listDirectories(root)
    this.#index = new EntryIndex(root, this.#ledger, files)
    const isIntact = this.#index.loadLedger()
    const hasLedger = isIntact && this.#ledger.slotCount > 0
    this.#isAccounted = hasLedger || this.#directories.size === 0
    // Serials of a lost index must not come again: its files may still be there.
    if (!hasLedger) this.#ledger.startSerialsAt(ports.clock.wallMs() * 64)
    this.#handles = new Handles(root, files, openFilesKept)
    const shared = { root, files, ledger: this.#ledger, index: this.#index, handles: this.#handles }
    this.#remover = new Remover({ ...shared, onFailure })
    const onDamage = (key: string, error: unknown) => this.#dropDamaged(key, error)
    const nowMs = () => ports.clock.monotonicMs()
    this.catalog = new Catalog({ ...shared, ...options, remover: this.#remover, nowMs, onDamage })
    this.reader = new BodyReader({ ...shared, catalog: this.catalog, nowMs, onDamage })
    const directoryBytes = () => (this.#directories.size + ownDirectories) * allocationBytes
    this.room = new Room({
      ...shared,
      ...options,
      catalog: this.catalog,
      remover: this.#remover,
      directoryBytes,
    })
    this.#sweeping = this.#sweep().catch(onFailure)
  }

  /** False when the index was lost: files may lie about that nothing accounts for, until they have been swept. */
  get isAccounted(): boolean {
    return this.#isAccounted
  }

  /** Room for a body and a writer for it; null when there is no room now, `too-large` when there never can be. */
  async begin(key: string, bodyBytes: number | null): Promise<DiskWriter | null | 'too-large'> {
    const charge = fillingCharge(bodyBytes, this.#growthStep())
    if (!this.room.couldFit(charge)) return 'too-large'
    const slot = await this.room.reserve(charge, () => this.#ledger.allocate(hashKey(key), charge))
    return slot === null ? null : this.#writer(key, slot)
  }

  /** Writes queued changes down; a failure is told to `onFailure`. */
  save(): void {
    void this.#index.flush().catch(this.#parts.onFailure)
  }

  /** After a failure: does what could not be done. Rejects when the disk still fails. */
  async recover(): Promise<void> {
    const { files, options } = this.#parts
    await files.makeDirectory(bodiesPath(options.path))
    this.#directories = listDirectories(options.path)
    await this.#index.flush()
    this.#remover.resume()
    if (!this.#isAccounted) await this.#sweep()
  }

  /** Finishes what is queued and closes every file that no reader holds. */
  async close(): Promise<void> {
    await this.#remover.idle()
    this.#isClosed = true
    await this.#sweeping
    await this.#handles.closeIdle()
    await turnOfTheLoop() // in which the slots of files that were only just closed are given back
    this.#index.close()
  }

  /** Lets go of a directory that has gone from under us. */
  abandon(): void {
    this.#isClosed = true
    void this.#handles.closeIdle()
    this.#index.discard()
  }

  async #sweep(): Promise<void> {
    const { options, files } = this.#parts
    const isStopped = () => this.#isClosed
    const missing = await sweep({ root: options.path, files, ledger: this.#ledger, isStopped })
    this.#isAccounted = true
    for (const slot of missing) {
      await turnOfTheLoop()
      this.catalog.removeSlot(slot)
    }
    if (missing.length > 0) await this.#index.flush()
  }

  #writer(key: string, slot: number): DiskWriter {
    const serial = this.#ledger.serialOf(slot)
    const { files, onFailure } = this.#parts
    return new DiskWriter(new BodyWriter(key, serial, files, () => this.#create(slot, serial)), {
      grow: (bodyBytes) => this.#grow(slot, bodyBytes),
      commit: (body, meta) => this.#commit(slot, body, meta),
      abandon: (body) => this.#abandon(slot, body),
      release: (handle) => this.#handles.release(handle),
      onFailure,
    })
  }

  async #create(slot: number, serial: number): Promise<number> {
    const { files, options } = this.#parts
    // The file must be in the books before it is on the disk.
    await this.#index.flush()
    if (this.#isClosed) throw storeClosed()
    const directory = directoryPath(options.path, slot)
    if (!this.#directories.has(directory)) await files.makeDirectory(directory)
    this.#directories.add(directory)
    return await files.create(bodyPath(options.path, slot, serial))
  }

  #grow(slot: number, bodyBytes: number): Promise<boolean> | null {
    const fileBytes = fileCharge(bodyBytes)
    if (fileBytes <= this.#ledger.fileBytesOf(slot)) return null
    if (bodyBytes > this.#parts.options.maxObjectBytes) return Promise.resolve(false)
    const step = this.#ledger.fileBytesOf(slot) + this.#growthStep()
    return this.#charge(slot, {
      fileBytes: Math.max(fileBytes, step),
      indexBytes: this.#ledger.indexBytesOf(slot),
    })
  }

  #growthStep(): number {
    const share = this.#parts.options.maxBytes * growthShare
    return Math.ceil(Math.min(growthStepBytes, share) / allocationBytes) * allocationBytes
  }

  /** Changes what a growing body is charged, once there is room for it; false when there is none. */
  async #charge(slot: number, charge: Charge): Promise<boolean> {
    const more = {
      fileBytes: charge.fileBytes - this.#ledger.fileBytesOf(slot),
      indexBytes: charge.indexBytes - this.#ledger.indexBytesOf(slot),
    }
    const book = () => {
      this.#ledger.set(slot, slotState.filling, charge)
      return true
    }
    if (more.fileBytes <= 0 && more.indexBytes <= 0) return book()
    return (await this.room.reserve(more, book)) ?? false
  }

  async #commit(slot: number, body: BodyWriter, meta: EntryMeta): Promise<CommittedBody> {
    const { key, serial } = body
    const isInline = body.fd === null && meta.bodyBytes <= inlineBytes
    const record = { key, meta, inline: isInline ? new Uint8Array(body.whole()) : null }
    const encoded = encodeRecord(record)
    const charge = {
      fileBytes: isInline ? 0 : fileCharge(meta.bodyBytes),
      indexBytes: indexCharge(encoded.length),
    }
    if (!isInline) await body.finish()
    if (!(await this.#charge(slot, charge))) throw noRoom(key)
    const handle = isInline ? null : this.#handles.adopt(serial, body.fd!, body.checksums)
    this.#ledger.set(slot, isInline ? slotState.inline : slotState.stored, charge)
    const entry = this.catalog.add(slot, record, encoded)
    await this.#written(entry, () => handle !== null && this.#handles.release(handle))
    return { entry, handle }
  }

  /** Waits until a new entry is in the index; if it can't be, drops it. */
  async #written(entry: DiskEntry, onFailed: () => void): Promise<void> {
    try {
      await this.#index.flush()
    } catch (error) {
      onFailed()
      if (this.catalog.isCurrent(entry)) this.catalog.remove(entry.key)
      throw error
    }
  }

  async #abandon(slot: number, body: BodyWriter): Promise<void> {
    await body.settle()
    if (this.#ledger.stateOf(slot) !== slotState.filling || this.#ledger.serialOf(slot) !== body.serial)
      return
    if (body.fd === null) this.#ledger.free(slot)
    else await this.#dropFile(slot, body.fd)
    this.save()
  }

  async #dropFile(slot: number, fd: number): Promise<void> {
    // A close that fails has closed all the same (Linux close(2)).
    await this.#parts.files.close(fd).catch(() => undefined)
    this.#remover.doom(slot)
  }

  #dropDamaged(key: string, error: unknown): void {
    this.catalog.remove(key)
    this.save()
    this.#parts.onDamage(key, error)
  }
}

/** Forgets a damaged index; the bodies it knew are then nobody's and get swept. */
export function deleteIndex(root: string): void {
  for (const suffix of ['', '-wal', '-shm', '-journal']) rmSync(indexPath(root) + suffix, { force: true })
}

/** What a fill is charged before anything of it is known but, at best, its length. */
function fillingCharge(bodyBytes: number | null, growthStep: number): Charge {
  const fileBytes = bodyBytes === null ? growthStep : fileCharge(bodyBytes)
  return { fileBytes, indexBytes: indexCharge(typicalRecordBytes + Math.min(bodyBytes ?? 0, inlineBytes)) }
}

function listDirectories(root: string): Set<string> {
  return new Set(readdirSync(bodiesPath(root)).map((name) => `${bodiesPath(root)}/${name}`))
}

/** SQLITE_CORRUPT, SQLITE_NOTADB, and SQLITE_ERROR: our statements are right, so it is the schema that is not. */
const damageCodes: ReadonlySet<number> = new Set([11, 26, 1])

/** SQLITE_READONLY of a file that may be written: a flipped bit in its head names a format that SQLite only reads. */
export function saysReadOnly(error: unknown, root: string): boolean {
  if (((error as { errcode?: number } | null)?.errcode ?? 0) % 256 !== 8) return false
  try {
    accessSync(indexPath(root), constants.W_OK)
    return true
  } catch {
    return false
  }
}

/** True for SQLite's answers that say the index is not what was written. */
export function isIndexDamage(error: unknown): boolean {
  const code = (error as { errcode?: number } | null)?.errcode
  return code !== undefined && damageCodes.has(code & 0xff)
}
