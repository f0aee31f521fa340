// Latencies counted in logarithmic bins, small enough to keep one set for each bucket of a timeline.
// Percentiles read from bins are exact to the bin's width (3.9 %); whole phases use the exact histograms instead.
import type { JsHistogram } from 'hdr-histogram-js'
import type { EncodedHistogram } from '../history/events.ts'
import { decodeHistogram } from '../history/histogram.ts'

export const binsPerDecade = 60
/** The first bin starts at 10 µs; anything faster is counted there. */
const firstUs = 10
/** Up to 1,000 s. */
const decades = 8

export const binCount = binsPerDecade * decades

/** How much wider than its lower edge a bin is, as a ratio. */
export const binWidthRatio = 10 ** (1 / binsPerDecade) - 1

export type LatencyBins = Uint32Array

export function emptyBins(): LatencyBins {
  return new Uint32Array(binCount)
}

function binOf(us: number): number {
  const bin = Math.floor(Math.log10(Math.max(us, firstUs) / firstUs) * binsPerDecade)
  return Math.min(bin, binCount - 1)
}

/** The lower edge of a bin, ms. */
export function binStartMs(bin: number): number {
  return (firstUs * 10 ** (bin / binsPerDecade)) / 1000
}

function binMiddleMs(bin: number): number {
  return binStartMs(bin + 0.5)
}

/** Adds a history histogram to the bins; returns its largest value, ms. */
export function addHistogram(bins: LatencyBins, encoded: EncodedHistogram): number {
  const histogram = decodeHistogram(encoded) as JsHistogram
  if (histogram.totalCount === 0) return 0
  const last = histogram.countsArrayIndex(histogram.maxValue)
  for (let i = histogram.countsArrayIndex(histogram.minNonZeroValue); i <= last; i += 1) {
    const count = histogram.getCountAtIndex(i)
    if (count > 0) bins[binOf(histogram.valueFromIndex(i))]! += count
  }
  const zeros = histogram.getCountAtIndex(0)
  if (zeros > 0) bins[0]! += zeros
  return histogram.maxValue / 1000
}

export function addBins(into: LatencyBins, from: LatencyBins): void {
  for (let i = 0; i < from.length; i += 1) into[i]! += from[i]!
}

/** A quantile (0 to 1) in ms, the middle of its bin; null when nothing was counted. */
export function binQuantileMs(bins: LatencyBins, quantile: number): number | null {
  let total = 0
  for (const count of bins) total += count
  if (total === 0) return null
  let left = Math.max(1, Math.ceil(total * quantile))
  for (let i = 0; i < bins.length; i += 1) {
    left -= bins[i]!
    if (left <= 0) return binMiddleMs(i)
  }
  return null
}
