// Several systems in one chart, a line each: failures, tail latency and bytes from S3.
import { type Outcome, okOutcomes } from '../../history/events.ts'
import type { ReportModel } from '../model.ts'
import { type Chart, logAxis, type PlainOption, pointsOf, timeOption } from './chart.ts'

export interface NamedModel {
  readonly system: string
  readonly model: ReportModel
}

/**
 * The faults shaded are those of the first system's run. The others took their own time to come up and to be warmed, so
 * their lines are shifted until their first fault falls on its.
 */
export function overlayCharts(named: readonly NamedModel[]): Chart[] {
  if (named.length === 0) return []
  const first = named[0]!.model
  const models = named.map(({ system, model }) => ({ system, model: alignedWith(first, model) }))
  const shown = {
    startMs: Math.min(...models.map(({ model }) => model.shown.startMs)),
    endMs: Math.max(...models.map(({ model }) => model.shown.endMs)),
  }
  const frame = { ...first, shown }
  const lines = (of: (model: ReportModel) => readonly (number | null)[]) =>
    models.map(({ system, model }, i) =>
      lineOf(system, `var(--p-${(i % 7) + 2})`, pointsOf(model, of(model))),
    )
  return [
    {
      id: 'overlay-failed',
      title: 'Known reads that failed',
      caption:
        'A second, by system. Zero is the goal. Lines are shifted so that the first fault of each run falls together.',
      heightPx: 220,
      group: 'time',
      option: timeOption({ model: frame, unit: 'rate', series: lines(failedPerSecond) }),
    },
    {
      id: 'overlay-p99',
      title: 'p99 response time of known reads',
      caption: 'Of those that ended ok, by system. Logarithmic. A gap: none ended ok.',
      heightPx: 260,
      group: 'time',
      option: timeOption({
        model: frame,
        unit: 'ms',
        yAxis: logAxis(models.flatMap(({ model }) => model.timeline.p99Ms)),
        series: lines((model) => model.timeline.p99Ms),
      }),
    },
    {
      id: 'overlay-origin',
      title: 'Bytes from S3',
      caption: 'A second, by system.',
      heightPx: 220,
      group: 'time',
      option: timeOption({
        model: frame,
        unit: 'bytesRate',
        series: lines((model) => model.timeline.originBytes),
      }),
    },
  ]
}

function alignedWith(base: ReportModel, model: ReportModel): ReportModel {
  const [own, theirs] = [base.faults[0]?.startMs, model.faults[0]?.startMs]
  if (own === undefined || theirs === undefined) return model
  const { timeline, shown } = model
  const shift = (ms: number) => ms + own - theirs
  return {
    ...model,
    shown: { startMs: Math.max(0, shift(shown.startMs)), endMs: shift(shown.endMs) },
    timeline: { ...timeline, atMs: timeline.atMs.map(shift) },
  }
}

function failedPerSecond({ timeline }: ReportModel): number[] {
  const failed = (Object.entries(timeline.knownReads) as [Outcome, readonly number[]][])
    .filter(([outcome]) => !okOutcomes.has(outcome))
    .map(([, rates]) => rates)
  return timeline.atMs.map((_, i) => failed.reduce((total, rates) => total + rates[i]!, 0))
}

function lineOf(name: string, colour: string, data: readonly unknown[]): PlainOption {
  return {
    name,
    type: 'line',
    symbol: 'none',
    color: colour,
    lineStyle: { width: 2, color: colour },
    emphasis: { disabled: true },
    data,
  }
}
