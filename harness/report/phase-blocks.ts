// The arrivals of each phase in blocks of time, so that it shows how much a quantile or a ratio wanders within a phase.
// Bounded: when a phase outgrows its blocks, neighbours are merged.
import { type Outcome, okOutcomes, type Population, type Timing, type WindowLine } from '../history/events.ts'
import { addBins, addHistogram, emptyBins, type LatencyBins } from './latency-bins.ts'

/** How many of a block's arrivals ended ok. */
export interface OkCount {
  ok: number
  scheduled: number
}

const maxBlocks = 60

const histogramOf = { responseMs: 'responseUs', serviceMs: 'serviceUs', ttfbMs: 'ttfbUs' } as const

export class PhaseBlocks {
  readonly #timesOf = new Map<Population, Set<Timing>>()
  readonly #times = new Map<string, Blocks<LatencyBins>>()
  readonly #counts = new Map<string, Blocks<OkCount>>()

  /** To be said before the first window: only such times are kept. */
  keepTimes(population: Population, timing: Timing): void {
    this.#timesOf.set(population, (this.#timesOf.get(population) ?? new Set()).add(timing))
  }

  add(line: WindowLine): void {
    const { phase, population } = line
    const countOf = () => ({ ok: 0, scheduled: 0 })
    const counts = blocksIn(this.#counts, `${phase}\n${population}`, () => new Blocks(countOf, addCount))
    counts.add({ ok: okOf(line), scheduled: line.scheduled })
    for (const timing of this.#timesOf.get(population) ?? []) {
      const times = line[histogramOf[timing]]
      if (times === undefined) continue
      const id = `${phase}\n${population}\n${timing}`
      const bins = emptyBins()
      addHistogram(bins, times)
      blocksIn(this.#times, id, () => new Blocks(emptyBins, addBins)).add(bins)
    }
  }

  /** In the order of time; empty for a phase without such arrivals that ended ok. */
  times(phase: string, population: Population, timing: Timing): readonly LatencyBins[] {
    return this.#times.get(`${phase}\n${population}\n${timing}`)?.items ?? []
  }

  /** In the order of time; empty for a phase without such arrivals. */
  counts(phase: string, population: Population): readonly OkCount[] {
    return this.#counts.get(`${phase}\n${population}`)?.items ?? []
  }
}

function blocksIn<T>(all: Map<string, Blocks<T>>, id: string, create: () => Blocks<T>): Blocks<T> {
  const blocks = all.get(id) ?? create()
  all.set(id, blocks)
  return blocks
}

function okOf({ byOutcome }: WindowLine): number {
  const counts = Object.entries(byOutcome) as [Outcome, number][]
  return counts.reduce((sum, [outcome, count]) => sum + (okOutcomes.has(outcome) ? count : 0), 0)
}

function addCount(into: OkCount, { ok, scheduled }: OkCount): void {
  into.ok += ok
  into.scheduled += scheduled
}

/** A window a block at first. */
class Blocks<T> {
  readonly #empty: () => T
  readonly #merge: (into: T, from: T) => void
  readonly items: T[] = []
  #windowsPerBlock = 1
  #windowsInLast = 1

  constructor(empty: () => T, merge: (into: T, from: T) => void) {
    this.#empty = empty
    this.#merge = merge
  }

  add(window: T): void {
    if (this.items.length === 0 || this.#windowsInLast === this.#windowsPerBlock) this.#open()
    this.#merge(this.items.at(-1)!, window)
    this.#windowsInLast += 1
  }

  #open(): void {
    this.#windowsInLast = 0
    if (this.items.length === maxBlocks) this.#halve()
    this.items.push(this.#empty())
  }

  #halve(): void {
    const all = this.items.splice(0)
    for (let i = 0; i < all.length; i += 2) {
      this.#merge(all[i]!, all[i + 1]!)
      this.items.push(all[i]!)
    }
    this.#windowsPerBlock *= 2
  }
}
