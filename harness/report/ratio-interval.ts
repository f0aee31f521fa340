// How sure a ratio of arrivals that ended ok is: its 95 % interval from a phase's blocks of time. Pure.
import type { OkCount } from './phase-blocks.ts'
import { studentT95 } from './quantile-interval.ts'

export interface RatioInterval {
  readonly low: number
  readonly high: number
}

const minBlocks = 4

/**
 * Wilson's score interval (Wilson 1927; Brown, Cai & DasGupta 2001, "Interval Estimation for a Binomial Proportion",
 * Statistical Science 16) at the effective number of arrivals: failures come in bursts, so the count is divided by the
 * design effect between blocks (Kish, "Survey Sampling", §5.4; Korn & Graubard 1998, Survey Methodology 24), never less than 1.
 * Null when there are fewer than four blocks or no arrivals.
 */
export function okRatioInterval(blocks: readonly OkCount[]): RatioInterval | null {
  const scheduled = blocks.reduce((sum, block) => sum + block.scheduled, 0)
  if (blocks.length < minBlocks || scheduled === 0) return null
  const ratio = blocks.reduce((sum, block) => sum + block.ok, 0) / scheduled
  return wilson(ratio, scheduled / designEffect(blocks, ratio, scheduled), studentT95(blocks.length - 1))
}

/** By how much the ratio wanders more between blocks than single arrivals at random would make it. */
function designEffect(blocks: readonly OkCount[], ratio: number, scheduled: number): number {
  const random = (ratio * (1 - ratio)) / scheduled
  if (random === 0) return 1
  const squares = blocks.reduce((sum, block) => sum + (block.ok - ratio * block.scheduled) ** 2, 0)
  const between = (squares * blocks.length) / (blocks.length - 1) / scheduled ** 2
  return Math.max(1, between / random)
}

function wilson(ratio: number, count: number, z: number): RatioInterval {
  const spread = z ** 2 / count
  const middle = (ratio + spread / 2) / (1 + spread)
  const reach = (z / (1 + spread)) * Math.sqrt((ratio * (1 - ratio)) / count + spread / (4 * count))
  return { low: ratio === 0 ? 0 : middle - reach, high: ratio === 1 ? 1 : middle + reach }
}
