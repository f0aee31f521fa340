// The known reads of each phase in blocks of time, so that it shows how much a quantile wanders within a phase. Bounded:
// when a phase outgrows its blocks, neighbours are merged.
import type { WindowLine } from '../history/events.ts'
import { addBins, addHistogram, emptyBins, type LatencyBins } from './latency-bins.ts'

const maxBlocks = 60

interface Blocks {
  readonly bins: LatencyBins[]
  windowsPerBlock: number
  /** In the last block. */
  windows: number
}

export class PhaseBlocks {
  readonly #phases = new Map<string, Blocks>()

  add({ phase, population, responseUs }: WindowLine): void {
    if (population !== 'known' || responseUs === undefined) return
    const blocks = this.#phases.get(phase) ?? { bins: [emptyBins()], windowsPerBlock: 1, windows: 0 }
    this.#phases.set(phase, blocks)
    if (blocks.windows === blocks.windowsPerBlock) openBlock(blocks)
    addHistogram(blocks.bins.at(-1)!, responseUs)
    blocks.windows += 1
  }

  /** In the order of time; empty for a phase without known reads that ended ok. */
  of(phase: string): readonly LatencyBins[] {
    return this.#phases.get(phase)?.bins ?? []
  }
}

function openBlock(blocks: Blocks): void {
  blocks.windows = 0
  if (blocks.bins.length === maxBlocks) {
    const pairs = blocks.bins.splice(0, maxBlocks)
    for (let i = 0; i < pairs.length; i += 2) {
      addBins(pairs[i]!, pairs[i + 1]!)
      blocks.bins.push(pairs[i]!)
    }
    blocks.windowsPerBlock *= 2
  }
  blocks.bins.push(emptyBins())
}
