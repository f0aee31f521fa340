// A threshold's measured value in the unit of what it measures.
import type { Measure } from '../../checkers/threshold.ts'
import { count, latency, percent } from '../format.ts'
import type { ReportModel } from '../model.ts'

/** "no data" when nothing could be measured, which is why such a threshold is unknown. */
export function measuredText(model: ReportModel, name: string, measured: number | null | undefined): string {
  if (measured === null || measured === undefined) return 'no data'
  const measure = model.thresholds.find((threshold) => threshold.name === name)?.measure
  return measure ? inUnit(measure, measured) : String(measured)
}

function inUnit(measure: Measure, value: number): string {
  switch (measure.kind) {
    case 'ok-ratio':
    case 'saved-ratio':
    case 'downtime-error':
      return percent(value)
    case 'quantile':
    case 'slowest-failure':
    case 'slowest':
    case 'time-to-recover':
      return latency(value)
    case 'failover':
      return measure.column === 'readsLost' ? count(value) : latency(value)
    case 'count':
    case 'uploads-lost':
    case 'strangers-served':
    case 'outdated-reads':
    case 'origin-fetches-per-key':
      return count(value)
    case 'origin-requests-per-arrival':
      return value.toFixed(2)
  }
}
