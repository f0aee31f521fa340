// How sure a quantile is, and a ratio of two: 95 % confidence intervals from a phase's histogram and its blocks of time.
// Pure. Reads of the same second share its luck, so the intervals go by how blocks differ, not by single reads.
import { type Histogram, quantileMs } from '../history/histogram.ts'
import { binStartMs, type LatencyBins } from './latency-bins.ts'

export interface QuantileEstimate {
  /** 0 to 1. */
  readonly quantile: number
  readonly ms: number
  readonly lowMs: number
  /** null: there are too few reads to bound it from above. */
  readonly highMs: number | null
}

export interface RatioEstimate {
  readonly ratio: number
  readonly low: number
  /** null: unbounded. */
  readonly high: number | null
  /** Inconclusive when 1 lies within the interval. */
  readonly conclusion: 'higher' | 'lower' | 'inconclusive'
}

const minBlocks = 4

/**
 * A quantile with its 95 % interval by Woodruff's method: the variance of the share of reads at or below the quantile,
 * taken between blocks as clusters (Woodruff 1952, "Confidence Intervals for Medians and Other Position Measures", JASA
 * 47; Lohr, "Sampling: Design and Analysis", §9.5), then the quantiles at that share's own limits. Never narrower than
 * independent reads would make it. null when there are fewer than four blocks or no reads.
 */
export function quantileEstimate(
  times: Histogram,
  blocks: readonly LatencyBins[],
  quantile: number,
): QuantileEstimate | null {
  const ms = quantileMs(times, quantile)
  if (ms === undefined || blocks.length < minBlocks) return null
  const error = Math.max(
    shareErrorBetweenBlocks(blocks, ms),
    Math.sqrt((quantile * (1 - quantile)) / times.totalCount),
  )
  const reach = studentT95(blocks.length - 1) * error
  return {
    quantile,
    ms,
    lowMs: quantileMs(times, Math.max(0, quantile - reach))!,
    highMs: quantile + reach >= 1 ? null : quantileMs(times, quantile + reach)!,
  }
}

/** Standard error of the share of reads at or below `ms`: a ratio estimator over blocks of unequal size. */
function shareErrorBetweenBlocks(blocks: readonly LatencyBins[], ms: number): number {
  const counts = blocks.map((bins) => ({ below: countBelow(bins, ms), all: countBelow(bins, Infinity) }))
  const all = counts.reduce((sum, block) => sum + block.all, 0)
  const share = counts.reduce((sum, block) => sum + block.below, 0) / all
  const squares = counts.reduce((sum, block) => sum + (block.below - share * block.all) ** 2, 0)
  return Math.sqrt((squares * blocks.length) / (blocks.length - 1)) / all
}

/** A bin that `ms` falls into counts by the part of it that lies below. */
function countBelow(bins: LatencyBins, ms: number): number {
  let count = 0
  for (let i = 0; i < bins.length && binStartMs(i) < ms; i += 1) {
    const [startMs, endMs] = [binStartMs(i), binStartMs(i + 1)]
    count += bins[i]! * Math.min(1, (ms - startMs) / (endMs - startMs))
  }
  return count
}

/**
 * Student's t at 97.5 % by its expansion around the normal quantile (Abramowitz & Stegun 26.7.5); within 1 % from three
 * degrees of freedom on.
 */
export function studentT95(freedom: number): number {
  const z = 1.959964
  const terms = [
    z,
    (z ** 3 + z) / 4,
    (5 * z ** 5 + 16 * z ** 3 + 3 * z) / 96,
    (3 * z ** 7 + 19 * z ** 5 + 17 * z ** 3 - 15 * z) / 384,
    (79 * z ** 9 + 776 * z ** 7 + 1482 * z ** 5 - 1920 * z ** 3 - 945 * z) / 92_160,
  ]
  return terms.reduce((sum, term, power) => sum + term / freedom ** power, 0)
}

/**
 * `of` over `to` with its 95 % interval: the limits of both on a logarithmic scale, put together by variance recovery
 * (MOVER: Zou & Donner 2008, Statistics in Medicine 27; Donner & Zou 2012, Statistical Methods in Medical Research 21).
 */
export function ratioEstimate(of: QuantileEstimate, to: QuantileEstimate): RatioEstimate {
  const log = Math.log(of.ms / to.ms)
  const down = Math.hypot(distance(of.lowMs, of.ms), distance(to.ms, to.highMs))
  const up = Math.hypot(distance(of.ms, of.highMs), distance(to.lowMs, to.ms))
  const [low, high] = [Math.exp(log - down), Math.exp(log + up)]
  return {
    ratio: Math.exp(log),
    low,
    high: Number.isFinite(high) ? high : null,
    conclusion: low > 1 ? 'higher' : high < 1 ? 'lower' : 'inconclusive',
  }
}

/** On the logarithmic scale; infinite to a bound that isn't known. */
function distance(fromMs: number, toMs: number | null): number {
  return toMs === null ? Number.POSITIVE_INFINITY : Math.log(toMs / fromMs)
}
