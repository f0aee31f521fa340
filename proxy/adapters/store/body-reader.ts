// Reads entries: opens or finds the descriptor, verifies the first block before answering, streams the rest.
import { ProxyError } from '../../errors.ts'
import type { Body } from '../../object.ts'
import { type OpenBody, readBlocks, readSmallNow } from './block-reader.ts'
import { BodyStream, ReadBudget } from './body-stream.ts'
import type { Catalog, DiskEntry } from './catalog.ts'
import { errorCode, type FileSystem } from './file-system.ts'
import type { Handle, Handles } from './handles.ts'
import { blockBytes } from './layout.ts'
import { evicted, missingFile, storeError } from './store-error.ts'

export interface ReaderParts {
  readonly files: FileSystem
  readonly handles: Handles
  readonly catalog: Catalog
  readonly nowMs: () => number
  /** Told of an entry whose file is damaged or missing. */
  onDamage(key: string, error: unknown): void
}

/** What was read within this time is taken to be in the page cache, and read at once. */
const warmMs = 10_000
/** A read at once that took longer may have gone to the disk after all (or the process did not run): none for a while. */
const tooSlowMs = 25
const noReadNowMs = 1000

export class BodyReader {
  readonly #parts: ReaderParts
  readonly #budget = new ReadBudget()
  #noReadNowBeforeMs = Number.NEGATIVE_INFINITY

  constructor(parts: ReaderParts) {
    this.#parts = parts
  }

  /** See BodyStore.read. */
  read(entry: DiskEntry, first: number, last: number): Uint8Array | Promise<Uint8Array | Body> {
    if (entry.inline !== null) return entry.inline.subarray(first, last + 1)
    return this.#readWarm(entry, first, last) ?? this.#readFile(entry, first, last)
  }

  /** Bytes of a small file that was read a moment ago; null when they are to be read by #readFile. */
  #readWarm(entry: DiskEntry, first: number, last: number): Uint8Array | null {
    const { handles, catalog, files, nowMs } = this.#parts
    const { key, meta, serial } = entry
    const handle = meta.bodyBytes <= blockBytes && catalog.isCurrent(entry) ? handles.peek(serial) : undefined
    const startedMs = nowMs()
    if (handle === undefined || startedMs - handle.readMs > warmMs) return null
    if (startedMs < this.#noReadNowBeforeMs) return null
    try {
      const bytes = readSmallNow(files, { key, bodyBytes: meta.bodyBytes, handle })
      if (bytes === null) return null
      handle.readMs = nowMs()
      if (handle.readMs - startedMs > tooSlowMs) this.#noReadNowBeforeMs = handle.readMs + noReadNowMs
      return bytes.subarray(first, last + 1)
    } catch {
      return null // #readFile meets the same error and names it
    }
  }

  async #readFile(entry: DiskEntry, first: number, last: number): Promise<Uint8Array | Body> {
    const handle = await this.#open(entry)
    const body = { key: entry.key, bodyBytes: entry.meta.bodyBytes, handle }
    const onEnd = (error: unknown) => this.#end(entry, handle, error)
    try {
      const head = await this.#readHead(body, first, last)
      handle.readMs = this.#parts.nowMs()
      // A body longer than a block is a stream, even if it has one piece, so that what it holds is counted.
      if (last - first >= blockBytes || head.length <= last - first) {
        return new BodyStream({
          files: this.#parts.files,
          budget: this.#budget,
          body,
          head,
          first,
          last,
          onEnd,
        })
      }
      onEnd(undefined)
      return head
    } catch (error) {
      onEnd(error)
      throw storeError(entry.key, error)
    }
  }

  /** From byte `first` to the end of a block, or to `last`. */
  async #readHead(body: OpenBody, first: number, last: number): Promise<Buffer> {
    const from = Math.floor(first / blockBytes)
    const to = Math.min(from + this.#budget.blocksAtOnce - 1, Math.floor(last / blockBytes))
    const start = from * blockBytes
    const bytes = await readBlocks(this.#parts.files, body, from, to)
    return bytes.subarray(first - start, Math.min((to + 1) * blockBytes, last + 1) - start)
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
