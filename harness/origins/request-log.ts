// What reached the origin, in order: a ring in memory that the runner empties as it goes.
import type { OriginLogEntry } from './handle.ts'

const capacity = 50_000
const maxPage = 5000

export class RequestLog {
  readonly #ring: OriginLogEntry[] = []
  #last = 0

  add(entry: Omit<OriginLogEntry, 'sequence'>): void {
    this.#last += 1
    this.#ring[this.#last % capacity] = { sequence: this.#last, ...entry }
  }

  /** Entries after a sequence number, oldest first. */
  after(sequence: number): { entries: readonly OriginLogEntry[]; missed: number } {
    const oldest = Math.max(1, this.#last - capacity + 1)
    const from = Math.max(sequence + 1, oldest)
    const to = Math.min(this.#last, from + maxPage - 1)
    const entries: OriginLogEntry[] = []
    for (let i = from; i <= to; i++) entries.push(this.#ring[i % capacity]!)
    return { entries, missed: Math.max(0, from - sequence - 1) }
  }
}
