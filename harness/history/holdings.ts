// What each part of the system held in a phase: the extremes of its samples.
import type { HoldingLine } from './events.ts'

/** null where no sample told. */
export interface PartHoldings {
  readonly maxRssBytes: number
  readonly maxConnections: number | null
  /** Of the phase's last sample. */
  readonly lastConnections: number | null
  readonly maxStoreDiskBytes: number | null
  readonly maxStoreStatedBytes: number | null
}

/** Adds a sample to those of its part; samples come in the order of time. */
export function addHolding(holdings: Map<string, PartHoldings>, line: HoldingLine): void {
  const before = holdings.get(line.part)
  holdings.set(line.part, {
    maxRssBytes: Math.max(before?.maxRssBytes ?? 0, line.rssBytes),
    maxConnections: larger(before?.maxConnections, line.connections),
    lastConnections: line.connections ?? null,
    maxStoreDiskBytes: larger(before?.maxStoreDiskBytes, line.storeDiskBytes),
    maxStoreStatedBytes: larger(before?.maxStoreStatedBytes, line.storeStatedBytes),
  })
}

function larger(a: number | null | undefined, b: number | undefined): number | null {
  if (b === undefined) return a ?? null
  return Math.max(a ?? 0, b)
}
