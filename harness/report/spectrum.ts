// The percentile spectrum of each phase: its exact histograms, read at ever rarer quantiles.
import type { Histogram } from '../history/histogram.ts'
import type { PhaseSummary } from '../history/summary.ts'

/** [nines, ms]: nines is log10(1 / (1 − quantile)), so 2 is p99 and 3 is p99.9. */
export type SpectrumPoint = readonly [number, number]

/** Of known reads that ended ok. */
export interface PhaseSpectrum {
  readonly phase: string
  readonly responseMs: readonly SpectrumPoint[]
  readonly serviceMs: readonly SpectrumPoint[]
}

export function spectrumOf(phases: readonly PhaseSummary[]): PhaseSpectrum[] {
  return phases
    .map(({ name, populations: { known } }) => ({
      phase: name,
      responseMs: points(known.responseUs),
      serviceMs: points(known.serviceUs),
    }))
    .filter((spectrum) => spectrum.responseMs.length > 0)
}

const pointsPerNine = 12

/** Up to the quantile of the single slowest arrival; further out there is nothing to see. */
function points(histogram: Histogram): SpectrumPoint[] {
  if (histogram.totalCount === 0) return []
  const lastNine = Math.log10(histogram.totalCount)
  const read: SpectrumPoint[] = []
  for (let step = 0; step / pointsPerNine < lastNine; step += 1) {
    const nines = step / pointsPerNine
    read.push(point(nines, histogram.getValueAtPercentile((1 - 10 ** -nines) * 100)))
  }
  read.push(point(lastNine, histogram.maxValue))
  return read
}

function point(nines: number, us: number): SpectrumPoint {
  return [Number(nines.toFixed(3)), Number((us / 1000).toPrecision(4))]
}
