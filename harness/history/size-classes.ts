// Reads that ended ok, by the size of the object and the path that served it: source maps, bundles, binaries, and what is
// larger still.
import type { Outcome, SizesLine } from './events.ts'
import { decodeHistogram, type Histogram, newHistogram } from './histogram.ts'

const upToBytes = [4 * 1024, 64 * 1024, 1024 * 1024, 16 * 1024 * 1024] as const

/** The largest size of the class an object belongs to, bytes; null for the last class, which has no bound. */
export function sizeClassOf(bytes: number): number | null {
  return upToBytes.find((bound) => bytes <= bound) ?? null
}

/** "≤ 4 KiB", "> 16 MiB". */
export function sizeClassName(bound: number | null): string {
  const largest = upToBytes.at(-1)!
  return bound === null ? `> ${binary(largest)}` : `≤ ${binary(bound)}`
}

function binary(bytes: number): string {
  return bytes < 1024 * 1024 ? `${bytes / 1024} KiB` : `${bytes / 1024 / 1024} MiB`
}

/** Of one size class and outcome. Times count from the first byte sent. */
export interface SizeSummary {
  readonly upToBytes: number | null
  readonly outcome: Outcome
  readonly isPart: boolean
  reads: number
  bytes: number
  readonly ttfbUs: Histogram
  readonly serviceUs: Histogram
}

/** Sums by class and outcome. */
export type Sizes = Map<string, SizeSummary>

export function addSizes(sizes: Sizes, line: SizesLine): void {
  const { ttfbUs, serviceUs } = line
  addSize(sizes, { ...line, ttfbUs: decodeHistogram(ttfbUs), serviceUs: decodeHistogram(serviceUs) })
}

/** All of them in one; the parts stay as they are. */
export function mergedSizes(parts: readonly Sizes[]): SizeSummary[] {
  const merged: Sizes = new Map()
  for (const part of parts) for (const size of part.values()) addSize(merged, size)
  return [...merged.values()]
}

function addSize(
  sizes: Sizes,
  { upToBytes, outcome, isPart, reads, bytes, ttfbUs, serviceUs }: SizeSummary,
): void {
  const id = `${upToBytes} ${outcome} ${isPart}`
  const empty = { reads: 0, bytes: 0, ttfbUs: newHistogram(), serviceUs: newHistogram() }
  const into = sizes.get(id) ?? { upToBytes, outcome, isPart, ...empty }
  sizes.set(id, into)
  into.reads += reads
  into.bytes += bytes
  into.ttfbUs.add(ttfbUs)
  into.serviceUs.add(serviceUs)
}
