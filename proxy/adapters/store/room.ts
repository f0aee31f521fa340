// Keeps the store under its cap: whoever wants to write books the bytes first, and room is made by evicting and by
// waiting until the evicted files are gone.
import { setImmediate as turnOfTheLoop } from 'node:timers/promises'
import type { Catalog } from './catalog.ts'
import { type EntryIndex, emptyIndexBytes } from './entry-index.ts'
import type { Charge, Ledger } from './ledger.ts'
import type { Remover } from './remover.ts'

/** Entries evicted before others get a turn: about 0.2 ms. */
const evictionsAtOnce = 64

export interface RoomParts {
  readonly maxBytes: number
  readonly ledger: Ledger
  readonly index: EntryIndex
  readonly catalog: Catalog
  readonly remover: Remover
  directoryBytes(): number
}

export class Room {
  readonly #parts: RoomParts
  readonly #limitBytes: number
  #turns: Promise<unknown> = Promise.resolve()

  constructor(parts: RoomParts) {
    this.#parts = parts
    this.#limitBytes = parts.maxBytes - marginOf(parts.maxBytes)
  }

  /**
   * What the store occupies. The index counts with what its files occupy or, while they have pages to spare,
   * with what its records may take.
   */
  get usedBytes(): number {
    return this.#usedWith({ fileBytes: 0, indexBytes: 0 })
  }

  /** True when so much would fit an otherwise empty store. */
  couldFit({ fileBytes, indexBytes }: Charge): boolean {
    return fileBytes + indexBytes + emptyIndexBytes + this.#parts.directoryBytes() <= this.#limitBytes
  }

  /**
   * Calls `book` as soon as there is room, and resolves with its result; null when there can't be, because fills and
   * readers hold what is left. One after the other, so that small bodies don't starve a large one.
   */
  reserve<T>(charge: Charge, book: () => T): Promise<T | null> {
    const turn = this.#turns.then(async () => ((await this.#make(charge)) ? book() : null))
    this.#turns = turn.catch(() => undefined)
    return turn
  }

  async #make(charge: Charge): Promise<boolean> {
    const { catalog, remover, index } = this.#parts
    if (!this.couldFit(charge)) return false
    for (;;) {
      const excess = this.#usedWith(charge) - this.#limitBytes
      if (excess <= 0) return true
      const missing = excess - remover.pendingBytes
      const evicted = missing > 0 ? catalog.evict(missing, evictionsAtOnce) : 0
      if (remover.pendingBytes > 0) await remover.progress()
      else if (evicted > 0) await index.flush()
      else if (index.shrink()) await turnOfTheLoop()
      else return false
    }
  }

  #usedWith({ fileBytes, indexBytes }: Charge): number {
    const { ledger, index, directoryBytes } = this.#parts
    const inIndex = Math.max(index.fileBytes, ledger.indexBytes + indexBytes)
    return ledger.fileBytes + fileBytes + inIndex + directoryBytes()
  }
}

/** What the index may grow by between two looks at its size, and directories by their entries. */
function marginOf(maxBytes: number): number {
  return Math.min(4 << 20, Math.max(128 << 10, Math.floor(maxBytes / 64)))
}
