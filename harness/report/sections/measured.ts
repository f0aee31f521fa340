// What was measured of a threshold and what it must be, as people read it.

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

function thresholdOf(model: ReportModel, name: string) {
  return model.thresholds.find((threshold) => threshold.name === name)
}
