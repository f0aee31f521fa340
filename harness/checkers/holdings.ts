// The measures of what the parts of a system held: memory, connections, bytes in their stores.
import type { PartHoldings } from '../history/holdings.ts'
import type { PhaseSummary } from '../history/summary.ts'
import type { Measure } from './threshold.ts'

type Of<Kind extends Measure['kind']> = Extract<Measure, { kind: Kind }>

/**
 * Summed over the parts, each at its own worst moment, so that none hides behind another; a part that shrank counts as
 * 0. Known only when each was seen before as well.
 */
export function memoryGrowth(
  before: readonly PhaseSummary[],
  phases: readonly PhaseSummary[],
): number | undefined {
  const base = mostOf(before, ({ maxRssBytes }) => maxRssBytes)
  const later = mostOf(phases, ({ maxRssBytes }) => maxRssBytes)
  const parts = [...later.keys()]
  if (parts.length === 0 || !parts.every((part) => base.has(part))) return undefined
  return total(parts, (part) => Math.max(0, later.get(part)! - base.get(part)!))
}

/** Summed over the parts; what is left is counted in the last phase. */
export function connections(
  { which }: Of<'connections'>,
  phases: readonly PhaseSummary[],
): number | undefined {
  const counts =
    which === 'most'
      ? mostOf(phases, ({ maxConnections }) => maxConnections)
      : mostOf(phases.slice(-1), ({ lastConnections }) => lastConnections)
  return counts.size === 0 ? undefined : total([...counts.values()], (count) => count)
}

/** Of the cache that held most. */
export function storeBytes({ by }: Of<'store-bytes'>, phases: readonly PhaseSummary[]): number | undefined {
  const bytes = mostOf(phases, (part) => (by === 'disk' ? part.maxStoreDiskBytes : part.maxStoreStatedBytes))
  return bytes.size === 0 ? undefined : Math.max(...bytes.values())
}

/** The largest value of each part that has one, over the phases. */
function mostOf(
  phases: readonly PhaseSummary[],
  of: (part: PartHoldings) => number | null,
): ReadonlyMap<string, number> {
  const most = new Map<string, number>()
  for (const { holdings } of phases) {
    for (const [part, held] of holdings) {
      const value = of(held)
      if (value !== null) most.set(part, Math.max(value, most.get(part) ?? 0))
    }
  }
  return most
}

function total<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((sum, item) => sum + of(item), 0)
}
