// Writes one growing body: chunks stay in memory by reference until they are on disk, and readers of the growing
// body are served from memory or from the file. Tells nobody of the entry; that is the store's business.
import { crc32 } from '../crc32.ts'
import { encodeChecksums, readBlocks } from './block-reader.ts'
import type { FileSystem } from './file-system.ts'
import { blockBytes, checksumSeed } from './layout.ts'

/** Enough to make a write worth its system call. */
const writeBytes = 262_144
/** With more than this not yet on disk the writer asks its caller to wait. */
const lagBytes = 4_194_304
/** What stays in memory behind the newest byte, for readers close to it. At least one block. */
const windowBytes = 2_097_152

interface Chunk {
  readonly start: number
  readonly bytes: Uint8Array
}

export class BodyWriter {
  readonly key: string
  readonly serial: number
  writtenBytes = 0
  readonly #files: FileSystem
  /** Opens the file; called at most once, when there is something to write. */
  readonly #create: () => Promise<number>
  #fd: number | null = null
  /** Newest last; the first one holds the oldest byte still in memory. */
  #window: Chunk[] = []
  #flushedBytes = 0
  #flushing: Promise<void> | null = null
  #error: unknown = null
  readonly #checksums: number[] = []

  constructor(key: string, serial: number, files: FileSystem, create: () => Promise<number>) {
    this.key = key
    this.serial = serial
    this.#files = files
    this.#create = create
  }

  /** The descriptor, once a file was made. */
  get fd(): number | null {
    return this.#fd
  }

  get checksums(): readonly number[] {
    return this.#checksums
  }

  write(chunk: Uint8Array): void | Promise<void> {
    if (this.#error !== null) return Promise.reject(this.#error)
    this.#addToChecksums(chunk)
    this.#window.push({ start: this.writtenBytes, bytes: chunk })
    this.writtenBytes += chunk.length
    const lag = this.writtenBytes - this.#flushedBytes
    if (lag >= writeBytes) this.#flushing ??= this.#flush(writeBytes)
    if (lag > lagBytes) return this.#caughtUp()
  }

  /** See StoreWriter.read. */
  async read(offset: number, maxBytes: number): Promise<Uint8Array> {
    if (offset >= this.writtenBytes) return new Uint8Array(0)
    const chunk = this.#chunkAt(offset)
    if (chunk !== undefined) {
      const from = offset - chunk.start
      return chunk.bytes.subarray(from, from + maxBytes)
    }
    return await this.#readFile(offset, maxBytes)
  }

  /** Everything in one piece; for small bodies, before anything is on disk. */
  whole(): Buffer {
    return Buffer.concat(this.#window.map((chunk) => chunk.bytes))
  }

  /** Puts the rest of the body and its checksums on disk. */
  async finish(): Promise<void> {
    await this.#flushing
    if (this.#error === null) await this.#flush(1)
    if (this.#error !== null) throw this.#error
    await this.#files.write(this.#fd!, [encodeChecksums(this.#checksums)], this.writtenBytes)
  }

  /** Resolves when no write is under way any more. */
  async settle(): Promise<void> {
    await this.#flushing
  }

  async #caughtUp(): Promise<void> {
    await this.#flushing
    if (this.#error !== null) throw this.#error
  }

  forget(): void {
    this.#window = []
  }

  /** Writes until less than `leaveBytes` is missing on disk. Never rejects: the error is for the next caller. */
  async #flush(leaveBytes: number): Promise<void> {
    try {
      this.#fd ??= await this.#create()
      while (this.writtenBytes - this.#flushedBytes >= leaveBytes) await this.#flushOnce(this.#fd)
    } catch (error) {
      this.#error = error
    } finally {
      this.#flushing = null
    }
  }

  async #flushOnce(fd: number): Promise<void> {
    const end = this.writtenBytes
    const chunks = this.#window.filter((chunk) => chunk.start + chunk.bytes.length > this.#flushedBytes)
    await this.#files.write(
      fd,
      chunks.map((chunk) => chunk.bytes),
      this.#flushedBytes,
    )
    this.#flushedBytes = end
    this.#trimWindow()
  }

  #trimWindow(): void {
    const keepFrom = Math.min(this.#flushedBytes, this.writtenBytes - windowBytes)
    let drop = 0
    while (drop < this.#window.length && chunkEnd(this.#window[drop]!) <= keepFrom) drop += 1
    if (drop > 0) this.#window.splice(0, drop)
  }

  #chunkAt(offset: number): Chunk | undefined {
    let low = 0
    let high = this.#window.length - 1
    while (low <= high) {
      const middle = (low + high) >>> 1
      const chunk = this.#window[middle]!
      if (offset < chunk.start) high = middle - 1
      else if (offset >= chunkEnd(chunk)) low = middle + 1
      else return chunk
    }
    return undefined
  }

  /**
   * What has left the window is on disk, up to the block before the one that is growing. Ends with a block where it
   * can, so that the next read of the same reader starts with one and reads no block twice.
   */
  async #readFile(offset: number, maxBytes: number): Promise<Uint8Array> {
    const from = Math.floor(offset / blockBytes)
    const wholeOnDisk = Math.floor(this.#flushedBytes / blockBytes) - 1
    const to = Math.max(from, Math.min(Math.floor((offset + maxBytes) / blockBytes) - 1, wholeOnDisk))
    const handle = { serial: this.serial, fd: this.#fd!, checksums: this.#checksums }
    const body = { key: this.key, bodyBytes: this.writtenBytes, handle }
    const bytes = await readBlocks(
      this.#files,
      body,
      from,
      to,
      Buffer.allocUnsafeSlow((to - from + 1) * blockBytes),
    )
    const start = offset - from * blockBytes
    return bytes.subarray(start, start + maxBytes)
  }

  #addToChecksums(chunk: Uint8Array): void {
    for (let at = 0; at < chunk.length; ) {
      const position = this.writtenBytes + at
      const block = Math.floor(position / blockBytes)
      const end = Math.min(chunk.length, at + blockBytes - (position % blockBytes))
      const before = this.#checksums[block] ?? checksumSeed(this.serial, block)
      this.#checksums[block] = crc32(chunk.subarray(at, end), before)
      at = end
    }
  }
}

function chunkEnd(chunk: Chunk): number {
  return chunk.start + chunk.bytes.length
}
