// Keeps bodies as files and what is known of them in an index, within a hard cap, through crashes and disk failures.
// The parts are in store/; this file decides what reaches the disk, and when a failed one is tried again.
import type { EntryMeta, StoredEntry } from '../object.ts'
import type { BodyStore, Stored, StoreRefusal, StoreStats, StoreWriter } from '../ports.ts'
import { Availability } from './store/availability.ts'
import type { DiskEntry } from './store/catalog.ts'
import { countInto, faultsFrom, withFaults } from './store/disk-faults.ts'
import { indexPath } from './store/entry-index.ts'
import { type FileSystem, nodeFileSystem } from './store/file-system.ts'
import type { DiskStoreOptions, StorePorts } from './store/options.ts'
import { probeDisk } from './store/probe.ts'
import { RequestCounts } from './store/request-counts.ts'
import { describe, storeError } from './store/store-error.ts'
import { deleteIndex, isIndexDamage, saysReadOnly, Volume } from './store/volume.ts'

/** How often the store looks after itself, and how soon again while there is more to do. */
const tickMs = 1000
const busyTickMs = 20
/** Unused entries dropped at once: about 0.3 ms. */
const dropsAtOnce = 128

/**
 * Opens the store in `options.path`, making the directory when missing; ready when it resolves. A damaged index is
 * started anew. Rejects with ProxyError `store-io` when the directory can't be used at all.
 */
export async function openDiskStore(
  options: DiskStoreOptions,
  ports: StorePorts,
  files: FileSystem = nodeFileSystem,
): Promise<DiskStore> {
  const { path, faultsFile } = options
  const played = faultsFile === null ? files : playFaults(files, faultsFile, ports)
  let store: DiskStore | undefined
  try {
    store = new DiskStore(options, ports, played)
    await probeDisk(path, files)
    return store
  } catch (error) {
    await store?.close()
    throw storeError(path, error)
  }
}

function playFaults(files: FileSystem, controlFile: string, { clock }: StorePorts): FileSystem {
  const current = faultsFrom(controlFile, () => clock.monotonicMs())
  return withFaults(files, current, countInto(`${controlFile}.touched`))
}

export class DiskStore implements BodyStore {
  readonly #options: DiskStoreOptions
  readonly #ports: StorePorts
  readonly #files: FileSystem
  readonly #availability: Availability
  readonly #counts = new RequestCounts()
  #volume: Volume
  /** The index file we have open; another one under its name means that the directory was replaced. */
  #indexInode: number | null = null
  #isIndexDamaged = false
  #cancelTick: () => void
  #isClosed = false
  #evictionsBefore = 0
  #corrupt = 0

  constructor(options: DiskStoreOptions, ports: StorePorts, files: FileSystem) {
    this.#options = options
    this.#ports = ports
    this.#files = files
    const { clock, log } = ports
    const probe = () => this.#recover()
    this.#availability = new Availability({ clock, log, retryMs: options.retryMs, probe })
    this.#volume = this.#open()
    this.#cancelTick = clock.after(0, () => void this.#tick())
  }

  lookup(key: string): StoredEntry | undefined {
    return this.#volume.catalog.lookup(key)
  }

  touch(key: string): void {
    this.#volume.catalog.touch(key)
  }

  read(entry: StoredEntry, first: number, last: number): Stored | Promise<Stored> {
    return this.#volume.reader.read(entry as DiskEntry, first, last)
  }

  async begin(key: string, bodyBytes: number | null): Promise<StoreWriter | StoreRefusal> {
    if ((bodyBytes ?? 0) > this.#options.maxObjectBytes) return { refused: 'object-too-large' }
    if (!this.#isAvailable) return { refused: 'store-unavailable' }
    if (!this.#counts.reaches(key, this.#options.minUses)) return { refused: 'min-uses' }
    try {
      const writer = await this.#volume.begin(key, bodyBytes)
      if (writer === 'too-large') return { refused: 'object-too-large' }
      return writer ?? { refused: 'store-full' }
    } catch (error) {
      this.#availability.fail(error)
      return { refused: 'store-unavailable' }
    }
  }

  update(key: string, meta: EntryMeta): boolean {
    const isUpdated = this.#volume.catalog.update(key, meta)
    if (isUpdated) this.#volume.save()
    return isUpdated
  }

  remove(key: string): boolean {
    const isRemoved = this.#volume.catalog.remove(key)
    if (isRemoved) this.#volume.save()
    return isRemoved
  }

  stats(): StoreStats {
    const { catalog, room } = this.#volume
    return {
      entries: catalog.entries,
      usedBytes: room.usedBytes,
      maxBytes: this.#options.maxBytes,
      memoryBytes: 0,
      evictions: this.#evictionsBefore + catalog.evictions,
      corrupt: this.#corrupt,
      available: this.#isAvailable,
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true
    this.#cancelTick()
    this.#availability.close()
    await this.#volume.close()
  }

  get #isAvailable(): boolean {
    return this.#availability.isAvailable && this.#volume.isAccounted
  }

  #open(): Volume {
    try {
      return this.#openVolume()
    } catch (error) {
      if (!isIndexDamage(error) && !saysReadOnly(error, this.#options.path)) throw error
      this.#ports.log.error('store: the index is damaged, starting with an empty one', {
        error: describe(error),
      })
      deleteIndex(this.#options.path)
      return this.#openVolume()
    }
  }

  #openVolume(): Volume {
    const volume: Volume = new Volume({
      options: this.#options,
      ports: this.#ports,
      files: this.#files,
      onFailure: (error) => this.#failed(volume, error),
      onDamage: (key, error) => this.#damaged(key, error),
    })
    return volume
  }

  #failed(volume: Volume, error: unknown): void {
    if (volume !== this.#volume) return
    if (isIndexDamage(error)) this.#isIndexDamaged = true
    this.#availability.fail(error)
  }

  #damaged(key: string, error: unknown): void {
    this.#corrupt += 1
    this.#ports.log.warn('store: dropped a damaged entry', { key, error: describe(error) })
    if (isIndexDamage(error)) this.#failed(this.#volume, error)
  }

  /** Tries the disk and takes up what was left undone; rejects while the disk fails. */
  async #recover(): Promise<void> {
    const isReplaced = (await this.#files.inode(indexPath(this.#options.path))) !== this.#indexInode
    if (isReplaced || this.#isIndexDamaged) await this.#reopen()
    else await this.#volume.recover()
    await probeDisk(this.#options.path, this.#files)
  }

  async #reopen(): Promise<void> {
    this.#evictionsBefore += this.#volume.catalog.evictions
    this.#volume.abandon()
    if (this.#isIndexDamaged) deleteIndex(this.#options.path)
    this.#volume = this.#open()
    this.#isIndexDamaged = false
    this.#indexInode = await this.#files.inode(indexPath(this.#options.path))
  }

  async #tick(): Promise<void> {
    const isBusy = this.#dropUnused() === dropsAtOnce
    await this.#checkDirectory().catch((error: unknown) => this.#availability.fail(error))
    if (this.#isClosed) return
    this.#cancelTick = this.#ports.clock.after(isBusy ? busyTickMs : tickMs, () => void this.#tick())
  }

  #dropUnused(): number {
    const sinceMs = this.#ports.clock.monotonicMs() - this.#options.inactiveMs
    const dropped = this.#volume.catalog.dropUnused(sinceMs, dropsAtOnce)
    if (dropped > 0) this.#volume.save()
    return dropped
  }

  /** A deleted directory shows in no write to the index that we have open. */
  async #checkDirectory(): Promise<void> {
    if (!this.#availability.isAvailable) return
    const inode = await this.#files.inode(indexPath(this.#options.path))
    this.#indexInode ??= inode
    if (inode !== this.#indexInode)
      this.#availability.fail(new Error('the directory was deleted or replaced'))
  }
}
