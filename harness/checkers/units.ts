// A measured value, or the limit to it, in the unit of what it measures.
import { bytes, count, latency, percent } from '../report/format.ts'
import type { Measure } from './threshold.ts'

export function inUnit(measure: Measure, value: number): string {
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
    case 'connections':
      return count(value)
    case 'memory-growth':
    case 'store-bytes':
      return bytes(value)
    case 'origin-requests-per-arrival':
      return value.toFixed(2)
  }
}
