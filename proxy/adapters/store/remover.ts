// Removes the files of dropped bodies, a few at a time, and gives their slots back. A body's bytes are counted until
// its file is unlinked and no reader has it open.
import type { EntryIndex } from './entry-index.ts'
import type { FileSystem } from './file-system.ts'
import type { Handles } from './handles.ts'
import { bodyPath } from './layout.ts'
import { type Ledger, slotState } from './ledger.ts'

const batchSize = 32

interface Doomed {
  readonly slot: number
  readonly bytes: number
}

export interface RemoverParts {
  readonly root: string
  readonly files: FileSystem
  readonly ledger: Ledger
  readonly index: EntryIndex
  readonly handles: Handles
  /** Told of every failure; the removal is tried again when `resume` is called. */
  onError(error: unknown): void
}

export class Remover {
  readonly #parts: RemoverParts
  #queue: Doomed[] = []
  #running = false
  #pendingBytes = 0
  #progress = Promise.withResolvers<void>()

  constructor(parts: RemoverParts) {
    this.#parts = parts
  }

  /** Bytes that will be free soon, whatever readers do. */
  get pendingBytes(): number {
    return this.#pendingBytes
  }

  /** Resolves when some bytes have become free, or removing has failed. */
  progress(): Promise<void> {
    return this.#progress.promise
  }

  /** Marks the slot and queues the removal of its file. */
  doom(slot: number): void {
    const { ledger } = this.#parts
    const bytes = ledger.fileBytesOf(slot)
    ledger.set(slot, slotState.doomed, { fileBytes: bytes, indexBytes: 0 })
    this.#queue.push({ slot, bytes })
    this.#pendingBytes += bytes
    this.resume()
  }

  /** Goes on with what is queued. */
  resume(): void {
    if (!this.#running && this.#queue.length > 0) void this.#run()
  }

  async idle(): Promise<void> {
    while (this.#running) await this.progress()
  }

  async #run(): Promise<void> {
    this.#running = true
    while (this.#queue.length > 0) {
      const batch = this.#queue.slice(0, batchSize)
      if (!(await this.#removeBatch(batch))) break
      this.#queue = this.#queue.slice(batch.length)
    }
    this.#running = false
    this.#tellProgress()
  }

  async #removeBatch(batch: readonly Doomed[]): Promise<boolean> {
    try {
      // A crash must not find an entry whose file is gone: first the index, then the file.
      await this.#parts.index.flush()
      await Promise.all(batch.map((doomed) => this.#unlink(doomed)))
    } catch (error) {
      this.#parts.onError(error)
      return false
    }
    for (const doomed of batch) this.#giveBack(doomed)
    this.#tellProgress()
    return true
  }

  #unlink({ slot }: Doomed): Promise<void> {
    const { files, root, ledger } = this.#parts
    return files.unlink(bodyPath(root, slot, ledger.serialOf(slot)))
  }

  /** Frees the slot, at once or when the last reader has left. */
  #giveBack({ slot, bytes }: Doomed): void {
    const { handles, ledger } = this.#parts
    this.#pendingBytes -= bytes
    const closed = handles.retire(ledger.serialOf(slot))
    if (closed === null) ledger.free(slot)
    else void closed.then(() => this.#freeLate(slot))
  }

  #freeLate(slot: number): void {
    const { ledger, index, onError } = this.#parts
    ledger.free(slot)
    this.#tellProgress()
    void index.flush().catch(onError)
  }

  #tellProgress(): void {
    const { resolve } = this.#progress
    this.#progress = Promise.withResolvers()
    resolve()
  }
}
