// A stored body on its way to a reader: verified pieces in memory that is used again for the next. A piece that has to
// come from the disk is read while the one before is being sent.
import type { LentBody } from '../../object.ts'
import type { Blocks, SharedBody } from './blocks.ts'
import type { Buffers } from './buffers.ts'
import { blockBytes } from './layout.ts'
import { storeError } from './store-error.ts'

export interface BodyRead {
  readonly blocks: Blocks
  readonly buffers: Buffers
  readonly body: SharedBody
  readonly first: number
  readonly last: number
  /** Called once, with the error if one ended the reading; the descriptor is in use until then. */
  onEnd(error: unknown): void
}

interface Piece {
  readonly bytes: Uint8Array
  /** The memory they are in. */
  readonly buffer: Buffer
}

/** Read once, by one reader. */
export class StoredBody implements LentBody, AsyncIterator<Uint8Array> {
  readonly #read: BodyRead
  /** Where the next read starts. */
  #position: number
  /** Read, or being read, and not lent yet. */
  #ahead: Piece | Promise<Piece> | null = null
  /** What the reader has. */
  #lent: Buffer | null = null
  /** The last read had to wait for the disk. */
  #isCold = false
  #isLeft = false
  #isEnded = false

  constructor(read: BodyRead) {
    this.#read = read
    this.#position = read.first
  }

  /** Reads the first piece: null when that is done, else a promise of it, which rejects as `lend` does. */
  start(): Promise<void> | null {
    this.#ahead = this.#readPiece()
    if (!(this.#ahead instanceof Promise)) return null
    return this.#ahead.then(
      (piece) => {
        this.#ahead = piece
      },
      (error) => this.#fail(error),
    )
  }

  lend(): Uint8Array | null | Promise<Uint8Array | null> {
    this.#giveBack()
    if (this.#isLeft) return null
    this.#ahead ??= this.#readPiece()
    if (!(this.#ahead instanceof Promise)) return this.#hand(this.#ahead)
    return this.#ahead.then(
      (piece) => this.#hand(piece),
      (error) => this.#fail(error),
    )
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    return this
  }

  /** A copy of the next piece, for those who may keep it. */
  async next(): Promise<IteratorResult<Uint8Array>> {
    const piece = await this.lend()
    return piece === null ? { done: true, value: undefined } : { done: false, value: Buffer.from(piece) }
  }

  return(): Promise<IteratorResult<Uint8Array>> {
    this.leave()
    return Promise.resolve({ done: true, value: undefined })
  }

  leave(): void {
    this.#giveBack()
    if (this.#isLeft) return
    this.#isLeft = true
    const ahead = this.#ahead
    // A read under way still uses the descriptor and the memory.
    if (ahead instanceof Promise) void ahead.then((piece) => this.#drop(piece)).catch(() => this.#end(null))
    else this.#drop(ahead)
  }

  #drop(piece: Piece | null): void {
    if (piece !== null) this.#read.buffers.giveBack(piece.buffer)
    this.#end(null)
  }

  #giveBack(): void {
    if (this.#lent !== null) this.#read.buffers.giveBack(this.#lent)
    this.#lent = null
  }

  #hand(piece: Piece | null): Uint8Array | null {
    if (piece === null || this.#isLeft) return null
    this.#lent = piece.buffer
    this.#ahead = null
    if (this.#position > this.#read.last) this.#end(null)
    else if (this.#isCold && this.#read.buffers.isPlenty) this.#readAhead()
    return piece.bytes
  }

  #readAhead(): void {
    this.#ahead = this.#readPiece()
    // A failure is met by the next call of lend(), which may be late or never.
    if (this.#ahead instanceof Promise) this.#ahead.catch(() => undefined)
  }

  /** The next piece, or null at the end. */
  #readPiece(): Piece | Promise<Piece> | null {
    const { blocks, buffers, body, last } = this.#read
    if (this.#position > last) return null
    const from = Math.floor(this.#position / blockBytes)
    const to = Math.min(from + buffers.blocksAtOnce - 1, Math.floor(last / blockBytes))
    const start = this.#position - from * blockBytes
    const end = Math.min((to + 1) * blockBytes, last + 1) - from * blockBytes
    this.#position += end - start
    const buffer = buffers.take(to - from + 1)
    const read = blocks.read(body, from, to, buffer)
    this.#isCold = read instanceof Promise
    if (!(read instanceof Promise)) return { bytes: read.subarray(start, end), buffer }
    return read.then(
      (bytes) => ({ bytes: bytes.subarray(start, end), buffer }),
      (error) => {
        buffers.giveBack(buffer)
        throw error
      },
    )
  }

  #fail(error: unknown): never {
    this.#isLeft = true
    this.#end(error)
    throw storeError(this.#read.body.key, error)
  }

  #end(error: unknown): void {
    if (this.#isEnded) return
    this.#isEnded = true
    this.#read.onEnd(error)
  }
}
