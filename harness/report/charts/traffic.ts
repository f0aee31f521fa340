// What crossed the links: bytes to clients and from the origin, and the origin's load after it healed.

import { secondsAfterHeal } from '../after-healing.ts'
import type { ReportModel } from '../model.ts'
import {
  baseOption,
  type Chart,
  gridLeftPx,
  gridRightPx,
  legend,
  type PlainOption,
  pointsOf,
  timeAxis,
  timeOption,
  tooltip,
  valueAxis,
} from './chart.ts'

/** Null when nothing was served and nothing fetched. */
export function bytesChart(model: ReportModel): Chart | null {
  const { servedBytes, originBytes } = model.timeline
  if (![...servedBytes, ...originBytes].some((bytes) => bytes > 0)) return null
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
        area('to clients', 'var(--b-served)', pointsOf(model, servedBytes), 0.18),
        area('from S3', 'var(--b-origin)', pointsOf(model, originBytes), 0.45),
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

/** Requests at the origin around the last healing; null when nothing healed or nothing came. */
export function healingChart(model: ReportModel): Chart | null {
  const { afterHealing, originPerSecond } = model
  if (afterHealing === null) return null
  const healedSecond = Math.floor(afterHealing.healedMs / 1000)
  const first = Math.max(0, healedSecond - secondsBeforeHeal)
  const all = originPerSecond.slice(first, healedSecond + secondsAfterHeal)
  if (!all.some((requests) => requests > 0)) return null
  const { firstFetches, fetchedAgain, others } = afterHealing
  // Of every second that is shown, for bars stack by their place in the list.
  const sinceHeal = [firstFetches, fetchedAgain, others].map((counts) =>
    all.map((_, i) => counts[first + i - healedSecond] ?? 0),
  )
  const earlier = all.map((requests, i) => sinceHeal.reduce((left, counts) => left - counts[i]!, requests))
  const steady = before(model)
  return {
    id: 'healing',
    title: 'Load on S3 after healing',
    caption: `Requests that reached S3 in each second around the last healing at the dashed line${steady === null ? '' : '; the level line is what it saw before the first fault'}. Caches that share their fetches need one for each object, which is the bound; what was fetched once more, by a cache or past it, lies on it. Others are uploads, probes, parts of objects and what S3 refused. A tall bar is a stampede.`,
    heightPx: 220,
    option: {
      ...baseOption,
      grid: { left: gridLeftPx, right: gridRightPx, top: 34, bottom: 28 },
      legend: legend(bars.map(({ name }) => name)),
      tooltip: tooltip('@tooltip:rate'),
      xAxis: timeAxis({ startMs: first * 1000, endMs: (first + all.length) * 1000 }),
      yAxis: valueAxis('rate'),
      series: [earlier, ...sinceHeal].map((counts, i) => ({
        ...bars[i],
        type: 'bar',
        stack: 'all',
        barMaxWidth: 32,
        data: counts.map((count, j) => [(first + j) * 1000 + 500, count]),
        ...(i === 0 && { markLine: marks(steady, afterHealing.healedMs) }),
      })),
    },
  }
}

const bars = [
  { name: 'before the healing', color: 'var(--q-max)' },
  { name: 'first fetch of an object', color: 'var(--b-origin)' },
  { name: 'fetched once more', color: 'var(--o-http5xx)' },
  { name: 'other requests', color: 'var(--o-direct)' },
]

function marks(steady: number | null, healedMs: number): PlainOption {
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
