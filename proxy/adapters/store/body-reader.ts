// Reads entries: opens or finds the descriptor, verifies the first piece before answering, lends the rest piece by piece.
import { ProxyError } from '../../errors.ts'
import type { LentBody } from '../../object.ts'
import { Blocks } from './blocks.ts'
import { Buffers } from './buffers.ts'
import type { Catalog, DiskEntry } from './catalog.ts'
import { errorCode, type FileSystem } from './file-system.ts'
import type { Handle, Handles } from './handles.ts'
import { evicted, missingFile, storeError } from './store-error.ts'
import { StoredBody } from './stored-body.ts'

export interface ReaderParts {
  readonly files: FileSystem
  readonly handles: Handles
  readonly catalog: Catalog
  readonly nowMs: () => number
  /** Told of an entry whose file is damaged or missing. */
  onDamage(key: string, error: unknown): void
}

export class BodyReader {
  readonly #parts: ReaderParts
  readonly #buffers = new Buffers()
  readonly #blocks: Blocks

  constructor(parts: ReaderParts) {
    this.#parts = parts
    this.#blocks = new Blocks(parts.files, parts.nowMs)
  }

  /** See BodyStore.read. */
  read(entry: DiskEntry, first: number, last: number): Uint8Array | LentBody | Promise<LentBody> {
    if (entry.inline !== null) return entry.inline.subarray(first, last + 1)
    const { catalog, handles } = this.#parts
    const handle = catalog.isCurrent(entry) ? handles.acquireOpen(entry.serial) : undefined
    if (handle !== undefined) return this.#start(entry, handle, first, last)
    return this.#open(entry).then((opened) => this.#start(entry, opened, first, last))
  }

  /** At once when the first piece is. */
  #start(entry: DiskEntry, handle: Handle, first: number, last: number): LentBody | Promise<LentBody> {
    const body = new StoredBody({
      blocks: this.#blocks,
      buffers: this.#buffers,
      body: { key: entry.key, bodyBytes: entry.meta.bodyBytes, handle },
      first,
      last,
      onEnd: (error) => this.#end(entry, handle, error),
    })
    const starting = body.start()
    return starting === null ? body : starting.then(() => body)
  }

  async #open(entry: DiskEntry): Promise<Handle> {
    const { catalog } = this.#parts
    if (!catalog.isCurrent(entry)) throw evicted(entry.key)
    try {
      return await this.#acquire(entry)
    } catch (error) {
      if (!catalog.isCurrent(entry)) throw evicted(entry.key)
      if (errorCode(error) !== 'ENOENT') throw storeError(entry.key, error)
      this.#damaged(entry, error)
      throw missingFile(entry.key, error)
    }
  }

  async #acquire(entry: DiskEntry): Promise<Handle> {
    const { handles } = this.#parts
    try {
      return await handles.acquire(entry.slot, entry.serial)
    } catch (error) {
      if (errorCode(error) !== 'EMFILE') throw error
      // The process has no descriptor left, and this store holds many that nobody uses just now.
      await handles.closeIdle()
      return await handles.acquire(entry.slot, entry.serial)
    }
  }

  #end(entry: DiskEntry, handle: Handle, error: unknown): void {
    this.#parts.handles.release(handle)
    if (error instanceof ProxyError && error.code === 'corrupt') this.#damaged(entry, error)
  }

  #damaged(entry: DiskEntry, error: unknown): void {
    if (this.#parts.catalog.isCurrent(entry)) this.#parts.onDamage(entry.key, error)
  }
}
