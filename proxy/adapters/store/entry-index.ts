// Keeps the ledger's pages and the entries' records in SQLite. Changes of one turn of the event loop are one
// transaction, so what a crash leaves is always a state that was true; a read sees queued changes at once.
// SQLite because a damaged or full disk gives an error here and not a crash (a memory-mapped store ends the process
// with SIGBUS when its file is cut short). Nothing is synced: after a power cut the checksums tell what survived.
import { statSync } from 'node:fs'
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { crc32 } from 'node:zlib'
import type { FileSystem } from './file-system.ts'
import { type Ledger, pageBytes, slotsPerPage } from './ledger.ts'
import { storeClosed } from './store-error.ts'

const databasePageBytes = 4096
/** The write-ahead log is folded into the database every so many pages, and cut back to this size. */
const logPages = 64
const logLimitBytes = 2 * logPages * databasePageBytes

/** What the index of an empty store occupies. */
export const emptyIndexBytes = logLimitBytes + 8 * databasePageBytes

/** Free pages kept for the records to come, at least and as a share; more are given back to the file system. */
const sparePages = 64
const spareShare = 0.125
/** Pages given back at once: about 1 ms. */
const vacuumPages = 128
/** `crc32` starts from 32 bits. */
const maxPage = 0xffffffff

const setup = `
  PRAGMA page_size = ${databasePageBytes};
  PRAGMA auto_vacuum = INCREMENTAL;
  PRAGMA locking_mode = EXCLUSIVE;
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = OFF;
  PRAGMA wal_autocheckpoint = ${logPages};
  PRAGMA journal_size_limit = ${logLimitBytes};
  CREATE TABLE IF NOT EXISTS record (slot INTEGER PRIMARY KEY, bytes BLOB NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS ledger (page INTEGER PRIMARY KEY, bytes BLOB NOT NULL) STRICT;
`

interface Statements {
  readonly begin: StatementSync
  readonly commit: StatementSync
  readonly rollback: StatementSync
  readonly getRecord: StatementSync
  readonly putRecord: StatementSync
  readonly removeRecord: StatementSync
  readonly putPage: StatementSync
  readonly pageCount: StatementSync
  readonly freePages: StatementSync
  readonly vacuum: StatementSync
}

export class EntryIndex {
  readonly path: string
  readonly #files: FileSystem
  readonly #ledger: Ledger
  readonly #database: DatabaseSync
  readonly #statements: Statements
  #queued = new Map<number, Buffer | null>()
  #next: PromiseWithResolvers<void> | null = null
  #fileBytes = 0

  /** Opens or makes the index in `directory` and reads the ledger from it. Throws when it can't be opened. */
  constructor(directory: string, ledger: Ledger, files: FileSystem) {
    this.path = indexPath(directory)
    this.#files = files
    this.#ledger = ledger
    this.#database = new DatabaseSync(this.path)
    this.#database.exec(setup)
    this.#statements = prepare(this.#database)
    this.#measure()
  }

  /** Reads the ledger as it was last written; false when part of it was damaged and is lost. */
  loadLedger(): boolean {
    const damaged: number[] = []
    let isWhole = true
    for (const { page, bytes } of this.#database.prepare('SELECT page, bytes FROM ledger').iterate()) {
      const sound = checkedPage(page, bytes)
      if (sound !== null) this.#ledger.load(page as number, sound)
      else if (typeof page === 'number') damaged.push(page)
      else isWhole = false
    }
    for (const page of damaged) this.#removePage(page)
    return isWhole && damaged.length === 0
  }

  /** Bytes of the index's files, of which free pages are a small share. */
  get fileBytes(): number {
    return this.#fileBytes
  }

  /** Throws what SQLite throws when the index is damaged. */
  record(slot: number): Uint8Array | undefined {
    const queued = this.#queued.get(slot)
    if (queued !== undefined) return queued ?? undefined
    return this.#statements.getRecord.get(slot)?.bytes as Uint8Array | undefined
  }

  putRecord(slot: number, record: Buffer): void {
    this.#queued.set(slot, record)
  }

  removeRecord(slot: number): void {
    this.#queued.set(slot, null)
  }

  /** Resolves when all that was changed so far would survive a crash of this process. */
  flush(): Promise<void> {
    if (!this.#database.isOpen) return Promise.reject(storeClosed())
    if (this.#next === null) {
      this.#next = Promise.withResolvers<void>()
      setImmediate(() => this.#flushNow())
    }
    return this.#next.promise
  }

  /** Gives free pages back although few are left; false when there is none. */
  shrink(): boolean {
    if (this.#freePages() === 0) return false
    this.#statements.vacuum.all()
    this.#measure()
    return true
  }

  /** Writes what is queued, if the disk lets it, and closes. */
  close(): void {
    void this.flush().catch(() => undefined)
    this.#flushNow()
    this.#database.close()
  }

  /** Closes without writing what is queued; those who wait for it are told. */
  discard(): void {
    this.#next?.reject(storeClosed())
    this.#next = null
    if (this.#database.isOpen) this.#database.close()
  }

  #flushNow(): void {
    if (this.#next === null) return
    const { resolve, reject } = this.#next
    this.#next = null
    try {
      this.#write()
      resolve()
    } catch (error) {
      reject(error)
    }
  }

  #write(): void {
    const pages = this.#ledger.takeDirty()
    try {
      this.#files.beforeIndexWrite()
      this.#statements.begin.run()
      this.#putAll(pages)
      this.#statements.commit.run()
      this.#queued.clear()
      this.#giveBack()
      this.#measure()
    } catch (error) {
      this.#ledger.putBack(pages.keys())
      if (this.#database.isTransaction) this.#statements.rollback.run()
      throw error
    }
  }

  #putAll(pages: Map<number, Uint8Array>): void {
    const { putRecord, removeRecord, putPage } = this.#statements
    for (const [slot, record] of this.#queued) {
      if (record === null) removeRecord.run(slot)
      else putRecord.run(slot, record)
    }
    for (const [number, bytes] of pages) putPage.run(number, sealedPage(number, bytes))
  }

  #removePage(page: number): void {
    const first = page * slotsPerPage
    this.#database.prepare('DELETE FROM ledger WHERE page = ?').run(page)
    this.#database
      .prepare('DELETE FROM record WHERE slot BETWEEN ? AND ?')
      .run(first, first + slotsPerPage - 1)
  }

  #giveBack(): void {
    if (this.#freePages() > Math.max(sparePages, this.#pages() * spareShare)) this.#statements.vacuum.all()
  }

  #pages(): number {
    return this.#statements.pageCount.get()!.page_count as number
  }

  #freePages(): number {
    return this.#statements.freePages.get()!.freelist_count as number
  }

  #measure(): void {
    const pages = this.#pages()
    const log = statSync(`${this.path}-wal`, { throwIfNoEntry: false })?.size ?? 0
    this.#fileBytes = pages * databasePageBytes + Math.max(log, logLimitBytes)
  }
}

export function indexPath(directory: string): string {
  return `${directory}/index.sqlite`
}

function prepare(database: DatabaseSync): Statements {
  return {
    begin: database.prepare('BEGIN'),
    commit: database.prepare('COMMIT'),
    rollback: database.prepare('ROLLBACK'),
    getRecord: database.prepare('SELECT bytes FROM record WHERE slot = ?'),
    putRecord: database.prepare('INSERT OR REPLACE INTO record VALUES (?, ?)'),
    removeRecord: database.prepare('DELETE FROM record WHERE slot = ?'),
    putPage: database.prepare('INSERT OR REPLACE INTO ledger VALUES (?, ?)'),
    pageCount: database.prepare('PRAGMA page_count'),
    freePages: database.prepare('PRAGMA freelist_count'),
    vacuum: database.prepare(`PRAGMA incremental_vacuum(${vacuumPages})`),
  }
}

/** The checksum counts the page's number in: a page in another's place is none. */
function sealedPage(number: number, bytes: Uint8Array): Buffer {
  const sealed = Buffer.alloc(pageBytes + 4)
  sealed.set(bytes)
  sealed.writeUInt32LE(crc32(bytes, number), pageBytes)
  return sealed
}

/** Null when the row is not what was written: a damaged one may hold anything, also none of the declared types. */
function checkedPage(page: unknown, sealed: unknown): Uint8Array | null {
  if (typeof page !== 'number' || page < 0 || page > maxPage) return null
  if (!(sealed instanceof Uint8Array) || sealed.length !== pageBytes + 4) return null
  const bytes = sealed.subarray(0, pageBytes)
  const stated = new DataView(sealed.buffer, sealed.byteOffset).getUint32(pageBytes, true)
  return crc32(bytes, page) === stated ? bytes : null
}
