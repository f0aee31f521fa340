// How reads ended, over time: the first thing to look at after an incident.
import { type Outcome, outcomes } from '../../history/events.ts'
import type { ReportModel } from '../model.ts'
import { type Chart, type PlainOption, type Point, pointsOf, timeOption } from './chart.ts'

/** Words for the legend; what succeeded first. */
export const outcomeNames: Readonly<Record<Outcome, string>> = {
  hit: 'hit',
  revalidated: 'revalidated',
  stale: 'stale',
  miss: 'miss',
  failover: 'failover',
  direct: 'direct',
  refused: 'refused',
  reset: 'reset',
  truncated: 'truncated',
  timeout: 'timeout',
  corrupt: 'corrupt',
  http4xx: '4xx',
  http5xx: '5xx',
  dropped: 'dropped',
  cancelled: 'cancelled',
}

/** Null when none was sent. */
export function availabilityChart(model: ReportModel): Chart | null {
  const seen = outcomes.filter((outcome) => model.timeline.knownReads[outcome])
  if (seen.length === 0) return null
  return {
    id: 'availability',
    title: 'Reads by outcome',
    caption:
      'Reads a second of objects that had been read before, stacked by how they ended; failures lie on top, in red.',
    heightPx: 300,
    group: 'time',
    option: timeOption({
      model,
      unit: 'rate',
      series: seen.map((outcome) =>
        stackedArea(
          outcomeNames[outcome],
          `var(--o-${outcome})`,
          pointsOf(model, model.timeline.knownReads[outcome]!),
        ),
      ),
    }),
  }
}

/** Null when the run had no such arrivals. */
export function othersChart(model: ReportModel): Chart | null {
  const { othersOk, othersFailed } = model.timeline
  if (![...othersOk, ...othersFailed].some((rate) => rate > 0)) return null
  return {
    id: 'others',
    title: 'Never-read objects and uploads',
    caption:
      'Requests a second that no cache can answer while S3 is away. They should fail clearly and at once, and work again after healing.',
    heightPx: 200,
    group: 'time',
    option: timeOption({
      model,
      unit: 'rate',
      series: [
        stackedArea('answered', 'var(--o-miss)', pointsOf(model, othersOk)),
        stackedArea('failed', 'var(--o-http4xx)', pointsOf(model, othersFailed)),
      ],
    }),
  }
}

/** Nothing is drawn where there is nothing: an area of no height would still leave a line. */
function stackedArea(name: string, colour: string, points: readonly Point[]): PlainOption {
  return {
    name,
    type: 'line',
    stack: 'all',
    step: 'middle',
    symbol: 'none',
    color: colour,
    lineStyle: { width: 0 },
    areaStyle: { color: colour, opacity: 0.9 },
    emphasis: { disabled: true },
    data: points.map(([ms, rate], i) => [ms, rate || points[i - 1]?.[1] || points[i + 1]?.[1] ? rate : null]),
  }
}
