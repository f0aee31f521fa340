// Keeps the ledger's pages and the entries' records in LMDB. Changes queued in one go are one transaction, so what a
// crash leaves is always a state that was true; a read sees queued changes at once.

import { crc32 } from 'node:zlib'
import { type Database, open, type RootDatabase } from 'lmdb'
import { type Ledger, pageBytes } from './ledger.ts'

interface Batch {
  readonly done: PromiseWithResolvers<void>
}

export class EntryIndex {
  readonly path: string
  readonly #root: RootDatabase
  readonly #records: Database<Buffer, number>
  readonly #pages: Database<Buffer, number>
  readonly #ledger: Ledger
  #queued = new Map<number, Buffer | null>()
  #writing = new Map<number, Buffer | null>()
  #next: Batch | null = null
  #running = false

  /** Opens or makes the index in `directory` and reads the ledger from it. Throws when it can't be opened. */
  constructor(directory: string, ledger: Ledger) {
    this.path = `${directory}/index.lmdb`
    this.#ledger = ledger
    this.#root = open({ path: this.path, noSubdir: true, maxDbs: 4, encoding: 'binary' })
    const options = { keyEncoding: 'uint32', encoding: 'binary' } as const
    this.#records = this.#root.openDB('records', options)
    this.#pages = this.#root.openDB('ledger', options)
    for (const { value } of this.#pages.getRange()) ledger.load(checkedPage(value))
  }

  /** Bytes of the index's files. They never shrink; LMDB uses freed pages again. */
  get fileBytes(): number {
    const { lastPageNumber, pageSize } = this.#root.getStats() as { lastPageNumber: number; pageSize: number }
    return (lastPageNumber + 1) * pageSize + lockFileBytes
  }

  record(slot: number): Uint8Array | undefined {
    const queued = this.#queued.get(slot) ?? this.#writing.get(slot)
    if (queued !== undefined) return queued ?? undefined
    return this.#records.getBinary(slot)
  }

  putRecord(slot: number, record: Buffer): void {
    this.#queued.set(slot, record)
  }

  removeRecord(slot: number): void {
    this.#queued.set(slot, null)
  }

  /** Resolves when all that was changed so far would survive a crash of this process. */
  flush(): Promise<void> {
    this.#next ??= { done: Promise.withResolvers<void>() }
    const { promise } = this.#next.done
    if (!this.#running) void this.#run()
    return promise
  }

  async close(): Promise<void> {
    await this.flush().catch(() => undefined)
    await this.#root.close()
  }

  async #run(): Promise<void> {
    this.#running = true
    while (this.#next !== null) {
      // Let the changes of this turn of the event loop come together.
      await Promise.resolve()
      const batch = this.#next
      this.#next = null
      await this.#write().then(batch.done.resolve, batch.done.reject)
    }
    this.#running = false
  }

  async #write(): Promise<void> {
    this.#writing = this.#queued
    this.#queued = new Map()
    const pages = this.#ledger.takeDirty()
    try {
      await Promise.all(this.#puts(pages))
    } catch (error) {
      this.#ledger.putBack(pages.keys())
      this.#queued = new Map([...this.#writing, ...this.#queued])
      throw error
    } finally {
      this.#writing = new Map()
    }
  }

  /** Puts of one turn of the event loop are one transaction (lmdb: eventTurnBatching). */
  #puts(pages: Map<number, Uint8Array>): Promise<boolean>[] {
    const puts: Promise<boolean>[] = []
    for (const [slot, record] of this.#writing) {
      puts.push(record === null ? this.#records.remove(slot) : this.#records.put(slot, record))
    }
    for (const [number, bytes] of pages) puts.push(this.#pages.put(number, sealedPage(bytes)))
    return puts
  }
}

const lockFileBytes = 8192 + 4096

function sealedPage(bytes: Uint8Array): Buffer {
  const sealed = Buffer.alloc(pageBytes + 4)
  sealed.set(bytes)
  sealed.writeUInt32LE(crc32(bytes), pageBytes)
  return sealed
}

/** A damaged page counts as empty: its files are then nobody's and get swept. */
function checkedPage(sealed: Buffer): Uint8Array {
  const bytes = new Uint8Array(sealed.subarray(0, pageBytes))
  const isIntact = sealed.length === pageBytes + 4 && crc32(bytes) === sealed.readUInt32LE(pageBytes)
  return isIntact ? bytes : new Uint8Array(pageBytes)
}
