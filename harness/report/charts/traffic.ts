// What crossed the links: bytes to clients and from the origin, and the origin's load after it healed.
import type { ReportModel } from '../model.ts'
import {
  baseOption,
  type Chart,
  gridLeftPx,
  gridRightPx,
  type PlainOption,
  pointsOf,
  timeAxis,
  timeOption,
  tooltip,
  valueAxis,
} from './chart.ts'

export function bytesChart(model: ReportModel): Chart {
  return {
    id: 'bytes',
    title: 'Bytes to clients and from S3',
    caption:
      'Body bytes a second. What lies between the two lines came out of the cache and cost nothing at S3.',
    heightPx: 240,
    group: 'time',
    option: timeOption({
      model,
      unit: 'bytesRate',
      series: [
        area('to clients', 'var(--b-served)', pointsOf(model, model.timeline.servedBytes), 0.18),
        area('from S3', 'var(--b-origin)', pointsOf(model, model.timeline.originBytes), 0.45),
      ],
    }),
  }
}

function area(name: string, colour: string, data: readonly unknown[], opacity: number): PlainOption {
  return {
    name,
    type: 'line',
    symbol: 'none',
    color: colour,
    lineStyle: { width: 1.5, color: colour },
    step: 'middle',
    areaStyle: { color: colour, opacity },
    emphasis: { disabled: true },
    data,
  }
}

const secondsBeforeHeal = 5
const secondsAfterHeal = 45

/** Requests at the origin around the last healing; null when nothing healed or nothing came. */
export function healingChart(model: ReportModel): Chart | null {
  const healedMs = Math.max(...model.faults.map((fault) => fault.endMs ?? -1))
  if (healedMs < 0) return null
  const first = Math.max(0, Math.floor(healedMs / 1000) - secondsBeforeHeal)
  const window = model.originPerSecond.slice(first, first + secondsBeforeHeal + secondsAfterHeal)
  if (!window.some((requests) => requests > 0)) return null
  const data = window.map((requests, i) => [(first + i) * 1000 + 500, requests])
  return {
    id: 'healing',
    title: 'Load on S3 after healing',
    caption: `Requests that reached S3 in each second around the last healing at the dashed line${before(model) === null ? '' : '; the level line is what it saw before the first fault'}. A tall bar here would be a stampede.`,
    heightPx: 220,
    option: {
      ...baseOption,
      grid: { left: gridLeftPx, right: gridRightPx, top: 16, bottom: 28 },
      tooltip: tooltip('@tooltip:rate'),
      xAxis: timeAxis({ startMs: first * 1000, endMs: (first + window.length) * 1000 }),
      yAxis: valueAxis('rate'),
      series: [
        {
          name: 'requests at S3',
          type: 'bar',
          color: 'var(--b-origin)',
          barMaxWidth: 16,
          data,
          markLine: marks(model, healedMs),
        },
      ],
    },
  }
}

function marks(model: ReportModel, healedMs: number): PlainOption {
  const steady = before(model)
  const level =
    steady === null ? [] : [{ yAxis: steady, lineStyle: { type: 'solid', color: 'var(--muted)' } }]
  return {
    silent: true,
    symbol: 'none',
    label: { show: false },
    lineStyle: { color: 'var(--fault)', type: 'dashed' },
    data: [{ xAxis: healedMs }, ...level],
  }
}

/** Mean requests a second at the origin in the last phase that ended before the first fault struck; null without one. */
function before(model: ReportModel): number | null {
  const struckMs = model.faults[0]?.startMs
  const steady = model.phases.findLast(
    (phase) => struckMs !== undefined && (phase.endMs ?? Infinity) <= struckMs,
  )
  if (!steady || steady.endMs === null) return null
  const seconds = model.originPerSecond.slice(
    Math.floor(steady.startMs / 1000),
    Math.floor(steady.endMs / 1000),
  )
  if (seconds.length === 0) return null
  return Number((seconds.reduce((a, b) => a + b, 0) / seconds.length).toPrecision(3))
}
