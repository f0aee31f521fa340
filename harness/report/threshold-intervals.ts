// How sure the numbers are that thresholds are judged by: 95 % intervals of quantiles and ratios, where the history has enough.
import { mergedTimes } from '../checkers/measure.ts'
import type { Limit, Measure, Threshold } from '../checkers/threshold.ts'
import type { Summary } from '../history/summary.ts'
import type { PhaseBlocks } from './phase-blocks.ts'
import { type QuantileEstimate, quantileEstimate, ratioEstimate } from './quantile-interval.ts'
import { okRatioInterval } from './ratio-interval.ts'

/** In the unit of what is measured. */
export interface ThresholdInterval {
  /** The threshold's. */
  readonly name: string
  readonly low: number
  /** null: too few arrivals to bound it from above. */
  readonly high: number | null
  /** The limit lies within: by the same system, another run may well be judged otherwise. */
  readonly holdsLimit: boolean
}

type QuantileMeasure = Extract<Measure, { kind: 'quantile' }>

/** Says which times will be needed. */
export function keepTimesFor(thresholds: readonly Threshold[], blocks: PhaseBlocks): void {
  for (const { measure, must } of thresholds) {
    const limit = limitOf(must)
    for (const one of [measure, ...(typeof limit === 'number' ? [] : [limit.of])]) {
      if (one.kind === 'quantile') blocks.keepTimes(one.population, one.timing)
    }
  }
}

/** None for counts and maxima, which are what they are, nor where there are too few arrivals to say. */
export function thresholdIntervals(summary: Summary, blocks: PhaseBlocks): ThresholdInterval[] {
  const thresholds = summary.run?.thresholds ?? []
  return thresholds.flatMap(({ name, measure, must }) => {
    if (measure.kind === 'ok-ratio') return ratioOf(name, measure, blocks)
    if (measure.kind === 'quantile') return quantileOf(name, measure, limitOf(must), summary, blocks)
    return []
  })
}

function limitOf(must: Threshold['must']): Limit {
  return 'atLeast' in must ? must.atLeast : must.atMost
}

/** That every read is answered is a demand on this run alone: its limit, 100 %, is always within. */
function ratioOf(
  name: string,
  { phases, population }: Extract<Measure, { kind: 'ok-ratio' }>,
  blocks: PhaseBlocks,
): ThresholdInterval[] {
  const interval = okRatioInterval(phases.flatMap((phase) => blocks.counts(phase, population)))
  return interval === null ? [] : [{ name, ...interval, holdsLimit: false }]
}

function quantileOf(
  name: string,
  measure: QuantileMeasure,
  limit: Limit,
  summary: Summary,
  blocks: PhaseBlocks,
): ThresholdInterval[] {
  const estimate = estimateOf(measure, summary, blocks)
  if (estimate === null) return []
  const { lowMs, highMs } = estimate
  return [{ name, low: lowMs, high: highMs, holdsLimit: holds(estimate, limit, summary, blocks) }]
}

/** A limit that is measured itself has its own interval; the ratio of the two has one then. */
function holds(estimate: QuantileEstimate, limit: Limit, summary: Summary, blocks: PhaseBlocks): boolean {
  if (typeof limit === 'number') return isWithin(limit, estimate.lowMs, estimate.highMs)
  const base = limit.of.kind === 'quantile' ? estimateOf(limit.of, summary, blocks) : null
  if (base === null) return false
  const { low, high } = ratioEstimate(estimate, base)
  return isWithin(limit.times, low, high)
}

function isWithin(value: number, low: number, high: number | null): boolean {
  return low < value && (high === null || value < high)
}

/** Null for a maximum: nothing bounds it. */
function estimateOf(
  { phases, population, timing, quantile }: QuantileMeasure,
  summary: Summary,
  blocks: PhaseBlocks,
): QuantileEstimate | null {
  if (quantile === 1) return null
  const parts = summary.phases.filter(({ name }) => phases.includes(name))
  const times = mergedTimes(
    parts.map(({ populations }) => populations[population]),
    timing,
  )
  const all = parts.flatMap(({ name }) => blocks.times(name, population, timing))
  return quantileEstimate(times, all, quantile)
}
