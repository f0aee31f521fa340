// What was measured of a threshold and what it must be, as people read it.

import type { Measure } from '../../checkers/threshold.ts'
import { inUnit } from '../../checkers/units.ts'
import type { ThresholdResult } from '../../history/results-contract.ts'
import type { ReportModel } from '../model.ts'

/** "no data" when nothing could be measured, which is why such a threshold is unknown. */
export function measuredText(model: ReportModel, name: string, measured: number | null | undefined): string {
  if (measured === null || measured === undefined) return 'no data'
  const measure = thresholdOf(model, name)?.measure
  return measure ? inUnit(measure, measured) : String(measured)
}

/** "≥ 100 %", "≤ 1.14 s (2 × steady)"; the expression when the scenario's own demand is not there. */
export function mustText(model: ReportModel, { name, limit, expression }: ThresholdResult): string {
  const threshold = thresholdOf(model, name)
  if (!threshold) return expression
  const { measure, must } = threshold
  const demanded = 'atLeast' in must ? must.atLeast : must.atMost
  const sign = 'atLeast' in must ? '≥' : '≤'
  const value = limit === null ? 'no data' : inUnit(measure, limit)
  if (typeof demanded === 'number') return `${sign} ${value}`
  const phases = 'phases' in demanded.of ? ` ${demanded.of.phases.join(', ')}` : ''
  return `${sign} ${value} (${demanded.times} ×${phases})`
}

/** "4.02 ms to 4.41 ms"; null where there is no interval. */
export function intervalText(model: ReportModel, name: string): string | null {
  const interval = intervalOf(model, name)
  const measure = thresholdOf(model, name)?.measure
  if (!interval || !measure) return null
  const low = inUnit(measure, interval.low)
  return interval.high === null ? `at least ${low}` : `${low} to ${inUnit(measure, interval.high)}`
}

/** Whether another run of the same system may well be judged otherwise. */
export function isCloseCall(model: ReportModel, name: string): boolean {
  return intervalOf(model, name)?.holdsLimit ?? false
}

/** How far what was measured lies from its limit, on the right side of it or beyond: "612 ms", "none", "over by 3". */
export function marginText(model: ReportModel, { name, measured, limit }: ThresholdResult): string {
  const threshold = thresholdOf(model, name)
  if (!threshold || measured === null || limit === null) return '–'
  const isMinimum = 'atLeast' in threshold.must
  const distance = isMinimum ? measured - limit : limit - measured
  const text = distanceText(threshold.measure, Math.abs(distance))
  if (distance === 0) return 'none'
  return distance > 0 ? text : `${isMinimum ? 'short' : 'over'} by ${text}`
}

/** Between two percentages lie points. */
function distanceText(measure: Measure, distance: number): string {
  const text = inUnit(measure, distance)
  return text.endsWith(' %') ? text.replace(/ %$/, text === '1 %' ? ' point' : ' points') : text
}

function intervalOf({ intervals }: ReportModel, name: string) {
  return intervals.find((interval) => interval.name === name)
}

function thresholdOf(model: ReportModel, name: string) {
  return model.thresholds.find((threshold) => threshold.name === name)
}
