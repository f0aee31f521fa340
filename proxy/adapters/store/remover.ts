// Removes the files of dropped bodies, a few at a time, and gives their slots back. A body's bytes are counted until
// its file is unlinked and no reader has it open.
import type { EntryIndex } from './entry-index.ts'
import type { FileSystem } from './file-system.ts'
import type { Handles } from './handles.ts'
import { bodyPath } from './layout.ts'
import { type Ledger, slotState } from './ledger.ts'
import { isDiskFull } from './store-error.ts'

/** Unlinks under way at once: enough to keep a disk busy, too few to take the whole thread pool. */
const batchSize = 16

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
  onFailure(error: unknown): void
}

export class Remover {
  readonly #parts: RemoverParts
  #queue: Doomed[] = []
  /** What is before this place in the queue is done. */
  #done = 0
  #running: Promise<void> | null = null
  #pendingBytes = 0
  #progress = Promise.withResolvers<void>()

  constructor(parts: RemoverParts) {
    this.#parts = parts
  }

  /** Bytes that will be free soon, unless readers have them open. */
  get pendingBytes(): number {
    return this.#pendingBytes
  }

  /** Resolves when some bytes have become free; rejects when removing has failed. */
  progress(): Promise<void> {
    this.resume()
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

  /** Goes on with what is queued; after a failure, tries again. */
  resume(): void {
    if (this.#queue.length > 0) this.#running ??= this.#run()
  }

  /** Resolves when nothing is queued, or removing has failed. */
  async idle(): Promise<void> {
    await this.#running
  }

  async #run(): Promise<void> {
    try {
      while (this.#queue.length > 0) await this.#removeAll()
    } catch (error) {
      this.#tellProgress((told) => told.reject(error))
      this.#parts.onFailure(error)
    } finally {
      this.#running = null
    }
  }

  async #removeAll(): Promise<void> {
    while (this.#done < this.#queue.length) await this.#removeBatch()
    this.#queue = []
    this.#done = 0
    // More may be queued while the freed slots are written down.
    await this.#parts.index.flush()
  }

  async #removeBatch(): Promise<void> {
    await this.#writeDown()
    const batch = this.#queue.slice(this.#done, this.#done + batchSize)
    await Promise.all(batch.map((doomed) => this.#unlink(doomed)))
    this.#done += batch.length
    for (const doomed of batch) this.#giveBack(doomed)
    this.#tellProgress((told) => told.resolve())
  }

  /** First the index, then the file: a crash must not find an entry whose file is gone. */
  async #writeDown(): Promise<void> {
    try {
      await this.#parts.index.flush()
    } catch (error) {
      // With no room for the index to say so, the file still goes, or there never will be room.
      // After a crash now, the sweep finds that the file is missing.
      if (!isDiskFull(error)) throw error
    }
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
    const { ledger, index, onFailure } = this.#parts
    ledger.free(slot)
    this.#tellProgress((told) => told.resolve())
    void index.flush().catch(onFailure)
  }

  #tellProgress(tell: (told: PromiseWithResolvers<void>) => void): void {
    const told = this.#progress
    this.#progress = Promise.withResolvers()
    // Nobody may be waiting.
    told.promise.catch(() => undefined)
    tell(told)
  }
}
