// A stored body on its way to a reader: verified pieces, the next one read while the present one is being sent.
import type { Body } from '../../object.ts'
import { type OpenBody, readBlocks } from './block-reader.ts'
import type { FileSystem } from './file-system.ts'
import { blockBytes } from './layout.ts'
import { storeError } from './store-error.ts'

/** Blocks read at once while memory allows. A read costs 40 µs beside its bytes; 1 MiB at once measured no faster. */
const blocksPerRead = 8

/** What all streams together may hold ahead of their readers before they read a block at a time. */
const plentyBytes = 67_108_864

/** Counts what streams hold, so that ten thousand slow readers don't hold ten thousand read-aheads. */
export class ReadBudget {
  #heldBytes = 0

  get isPlenty(): boolean {
    return this.#heldBytes < plentyBytes
  }

  /** How many blocks a stream may read at once. */
  get blocksAtOnce(): number {
    return this.isPlenty ? blocksPerRead : 1
  }

  take(bytes: number): void {
    this.#heldBytes += bytes
  }

  giveBack(bytes: number): void {
    this.#heldBytes -= bytes
  }
}

export interface StreamedRead {
  readonly files: FileSystem
  readonly budget: ReadBudget
  readonly body: OpenBody
  /** What has been read already, from `first`. */
  readonly head: Uint8Array
  readonly first: number
  readonly last: number
  /** Called once, with the error if one ended the reading; the descriptor is in use until then. */
  onEnd(error: unknown): void
}

/** Read once, by one reader. */
export class BodyStream implements Body, AsyncIterator<Uint8Array> {
  readonly #read: StreamedRead
  /** Where the next read from disk starts. */
  #position: number
  /** A piece being read before it is asked for. */
  #ahead: Promise<Uint8Array> | null
  #heldBytes: number
  #ended = false

  constructor(read: StreamedRead) {
    this.#read = read
    this.#position = read.first + read.head.length
    this.#ahead = Promise.resolve(read.head)
    this.#heldBytes = read.head.length
    read.budget.take(this.#heldBytes)
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    return this
  }

  async next(): Promise<IteratorResult<Uint8Array>> {
    if (this.#ended) return { done: true, value: undefined }
    const piece = this.#ahead ?? this.#readPiece()
    this.#ahead = null
    if (piece === null) return this.return()
    try {
      const value = await piece
      this.#readAhead(value)
      return { done: false, value }
    } catch (error) {
      this.#end(error)
      throw storeError(this.#read.body.key, error)
    }
  }

  return(): Promise<IteratorResult<Uint8Array>> {
    this.#end(undefined)
    return Promise.resolve({ done: true, value: undefined })
  }

  #readAhead(sent: Uint8Array): void {
    const before = this.#heldBytes
    this.#heldBytes = sent.length
    if (!this.#ended && this.#read.budget.isPlenty) this.#ahead = this.#readPiece()
    this.#read.budget.take(this.#heldBytes - before)
  }

  /** The next piece, or null at the end. */
  #readPiece(): Promise<Uint8Array> | null {
    const { files, body, last, budget } = this.#read
    if (this.#position > last) return null
    const from = Math.floor(this.#position / blockBytes)
    const to = Math.min(from + budget.blocksAtOnce - 1, Math.floor(last / blockBytes))
    const bytes = Math.min((to + 1) * blockBytes, last + 1) - this.#position
    this.#position += bytes
    this.#heldBytes += bytes
    const piece = readBlocks(files, body, from, to).then((buffer) => buffer.subarray(0, bytes))
    // A failure is met by the next call of next(), which may be late or never.
    piece.catch(() => undefined)
    return piece
  }

  #end(error: unknown): void {
    if (this.#ended) return
    this.#ended = true
    this.#read.budget.giveBack(this.#heldBytes)
    const tell = () => this.#read.onEnd(error)
    // A read under way still uses the descriptor.
    if (this.#ahead === null) tell()
    else void this.#ahead.then(tell, tell)
  }
}
