// Reads blocks at once where they are sure to be in the system's page cache, which is what was read a moment ago, and
// by a thread of the pool where they may have to come from the disk.
import { type OpenBody, readBlocks, readBlocksNow } from './block-reader.ts'
import type { FileSystem } from './file-system.ts'
import type { Handle } from './handles.ts'
import { blockCount } from './layout.ts'

/** What was read within this time is taken to be in the page cache. */
const warmMs = 10_000
/**
 * A read at once that took longer went to the disk after all (or the process did not run, which is not to cost much):
 * none for some times as long, so that at most a tenth of the time is spent waiting.
 */
const tooSlowMs = 5
const restFactor = 10
/** Of larger bodies (1 GiB) nothing is remembered: 8 bytes a block would be much for each of the open files. */
const rememberedBlocks = 16_384

/** The file of an entry, open for all who read it. */
export interface SharedBody extends OpenBody {
  readonly handle: Handle
}

export class Blocks {
  readonly #files: FileSystem
  readonly #nowMs: () => number
  #noReadNowBeforeMs = Number.NEGATIVE_INFINITY

  constructor(files: FileSystem, nowMs: () => number) {
    this.#files = files
    this.#nowMs = nowMs
  }

  /** Blocks `from` to `to` (inclusive), verified, in the memory of `into`. Rejects as `readBlocks` does. */
  read(body: SharedBody, from: number, to: number, into: Buffer): Buffer | Promise<Buffer> {
    return this.#readNow(body, from, to, into) ?? this.#readLater(body, from, to, into)
  }

  #readNow(body: SharedBody, from: number, to: number, into: Buffer): Buffer | null {
    const startedMs = this.#nowMs()
    if (startedMs < this.#noReadNowBeforeMs || !isWarm(body, from, to, startedMs - warmMs)) return null
    try {
      const bytes = readBlocksNow(this.#files, body, from, to, into)
      if (bytes === null) return null
      const endedMs = this.#nowMs()
      const tookMs = endedMs - startedMs
      if (tookMs > tooSlowMs) this.#noReadNowBeforeMs = endedMs + tookMs * restFactor
      body.handle.readMs?.fill(endedMs, from, to + 1)
      return bytes
    } catch {
      return null // #readLater meets the same error and names it
    }
  }

  async #readLater(body: SharedBody, from: number, to: number, into: Buffer): Promise<Buffer> {
    const bytes = await readBlocks(this.#files, body, from, to, into)
    const { handle } = body
    const blocks = blockCount(body.bodyBytes)
    if (blocks <= rememberedBlocks) handle.readMs ??= new Float64Array(blocks).fill(Number.NEGATIVE_INFINITY)
    handle.readMs?.fill(this.#nowMs(), from, to + 1)
    return bytes
  }
}

function isWarm({ handle }: SharedBody, from: number, to: number, sinceMs: number): boolean {
  if (handle.readMs === null) return false
  for (let block = from; block <= to; block += 1) if (handle.readMs[block]! < sinceMs) return false
  return true
}
