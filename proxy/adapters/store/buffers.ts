// The memory into which bodies are read, used again and again: a fresh buffer of 512 KiB takes longer to come by than
// to fill (100 µs of page faults against 22 µs of copying).
import { blockBytes } from './layout.ts'

/** Blocks read at once while memory allows; 1 MiB at once measured no faster. */
const plentyOfBlocks = 8
/** With more than this lent out, so that ten thousand slow readers don't hold ten thousand pieces, a block at a time. */
const plentyBytes = 67_108_864
/** What lies idle for the next readers, at most. */
const idleBytes = 33_554_432
/** Behind each block there is room for its checksum, for a file that is read whole. */
const bytesPerBlock = blockBytes + 4

export class Buffers {
  readonly #idle: Record<number, Buffer[]> = { [bytesPerBlock]: [], [plentyOfBlocks * bytesPerBlock]: [] }
  #idleBytes = 0
  #lentBytes = 0

  /** How many blocks a reader may have at once. */
  get blocksAtOnce(): number {
    return this.isPlenty ? plentyOfBlocks : 1
  }

  /** What readers hold, whole buffers counted. */
  get lentBytes(): number {
    return this.#lentBytes
  }

  get isPlenty(): boolean {
    return this.#lentBytes < plentyBytes
  }

  /** Memory for so many blocks and their checksums, holding whatever was read into it before. */
  take(blocks: number): Buffer {
    const bytes = (blocks === 1 ? 1 : plentyOfBlocks) * bytesPerBlock
    this.#lentBytes += bytes
    const idle = this.#idle[bytes]!.pop()
    if (idle === undefined) return Buffer.allocUnsafeSlow(bytes)
    this.#idleBytes -= bytes
    return idle
  }

  giveBack(buffer: Buffer): void {
    this.#lentBytes -= buffer.length
    if (this.#idleBytes + buffer.length > idleBytes) return
    this.#idle[buffer.length]!.push(buffer)
    this.#idleBytes += buffer.length
  }
}
