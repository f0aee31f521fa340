// Histograms of times: microseconds, three significant digits, up to an hour. They merge exactly, so any quantile over
// any stretch is computed from the counts again and never averaged.
import {
  build,
  decodeFromCompressedBase64,
  encodeIntoCompressedBase64,
  type Histogram,
} from 'hdr-histogram-js'
import type { EncodedHistogram } from './events.ts'

export type { Histogram }

const highestUs = 3_600_000_000

export function newHistogram(): Histogram {
  return build({
    lowestDiscernibleValue: 1,
    highestTrackableValue: highestUs,
    numberOfSignificantValueDigits: 3,
    bitBucketSize: 32,
    autoResize: false,
    useWebAssembly: false,
  })
}

/** Records a time in ms. Times below 1 µs count as 1 µs, above an hour as an hour. */
export function recordMs(histogram: Histogram, ms: number): void {
  histogram.recordValue(Math.min(highestUs, Math.max(1, Math.round(ms * 1000))))
}

/** undefined when nothing was recorded, so that an empty histogram takes no room in the history. */
export function encodeHistogram(histogram: Histogram): EncodedHistogram | undefined {
  return histogram.totalCount === 0 ? undefined : encodeIntoCompressedBase64(histogram)
}

/** Throws when the text is not an HdrHistogram. */
export function decodeHistogram(encoded: EncodedHistogram): Histogram {
  return decodeFromCompressedBase64(encoded, 32, false)
}

/** The time, ms, that a share `quantile` (0 to 1) of the recorded ones does not exceed; undefined when none was recorded. */
export function quantileMs(histogram: Histogram, quantile: number): number | undefined {
  if (histogram.totalCount === 0) return undefined
  const us = quantile >= 1 ? histogram.maxValue : histogram.getValueAtPercentile(quantile * 100)
  return us / 1000
}
