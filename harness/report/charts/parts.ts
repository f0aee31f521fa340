// What links carried and what parts held and had to do, over time, under the same clock as the reads.
import type { ReportModel } from '../model.ts'
import type { NamedSeries } from '../parts-over-time.ts'
import type { SeriesPoint } from '../series.ts'
import { type Chart, type PlainOption, type Point, shownPoints, timeOption } from './chart.ts'

/** Null when no link carried anything. */
export function linksChart(model: ReportModel): Chart | null {
  const links = model.parts.links.filter(({ towardsS3, towardsClients }) =>
    [...towardsS3, ...towardsClients].some(([, bytes]) => bytes),
  )
  if (links.length === 0) return null
  return {
    id: 'links',
    title: 'Bytes on each link',
    caption:
      'Bytes a second as Toxiproxy counted them, headers, TLS and probes included. Solid: towards the clients; dashed: towards S3.',
    heightPx: 220,
    group: 'time',
    option: timeOption({
      model,
      unit: 'bytesRate',
      series: links.flatMap(({ link, towardsS3, towardsClients }, i) => [
        line(link, i, drawn(model, towardsClients)),
        { ...line(link, i, drawn(model, towardsS3), 'dashed'), id: `${link} towards S3` },
      ]),
    }),
  }
}

/** Null when no part tells. */
export function loadChart(model: ReportModel): Chart | null {
  const { inFlight, waiting } = model.parts
  if (inFlight.length === 0) return null
  return {
    id: 'load',
    title: 'Requests under way',
    caption:
      'From each part to its backends, as the parts say themselves twice a second; the highest of each point. Dashed: requests that wait for their turn, where any did.',
    heightPx: 170,
    group: 'time',
    option: timeOption({
      model,
      unit: 'count',
      isLow: true,
      series: inFlight.flatMap(({ name, points }, i) => {
        const queue = waiting.find((one) => one.name === name && one.points.some(([, count]) => count))
        return [
          line(name, i, drawn(model, points)),
          ...(queue
            ? [{ ...line(name, i, drawn(model, queue.points), 'dashed'), id: `${name} waiting` }]
            : []),
        ]
      }),
    }),
  }
}

export function connectionsChart(model: ReportModel): Chart | null {
  return levelsChart(model, model.parts.connections, {
    id: 'connections',
    title: 'Connections',
    caption: 'TCP connections into each part that it has not closed.',
    unit: 'count',
  })
}

export function memoryChart(model: ReportModel): Chart | null {
  return levelsChart(model, model.parts.memory, {
    id: 'memory',
    title: 'Memory',
    caption: 'Resident, all processes of each part together.',
    unit: 'bytes',
  })
}

/** Null when no cache tells. */
export function storeChart(model: ReportModel): Chart | null {
  const { stored, evictions } = model.parts
  const evicted = evictions.some(({ points }) => points.some(([, rate]) => rate))
  return levelsChart(model, stored, {
    id: 'store',
    title: 'Cache store',
    caption: `Bytes that each cache says it holds.${evicted ? '' : ' Nothing was evicted.'}`,
    unit: 'bytes',
  })
}

/** Null when nothing was evicted, or no cache tells. */
export function evictionsChart(model: ReportModel): Chart | null {
  const some = model.parts.evictions.filter(({ points }) => points.some(([, rate]) => rate))
  return levelsChart(model, some, {
    id: 'evictions',
    title: 'Evictions',
    caption: 'Objects a second that each cache dropped for room.',
    unit: 'rate',
  })
}

interface LevelsParts {
  readonly id: string
  readonly title: string
  readonly caption: string
  readonly unit: 'count' | 'bytes' | 'rate'
}

function levelsChart(model: ReportModel, series: readonly NamedSeries[], about: LevelsParts): Chart | null {
  if (series.length === 0) return null
  const { id, title, caption, unit } = about
  return {
    id,
    title,
    caption,
    heightPx: 150,
    group: 'time',
    option: timeOption({
      model,
      unit,
      isLow: true,
      series: series.map(({ name, points }, i) => line(name, i, drawn(model, points))),
    }),
  }
}

function drawn(model: ReportModel, points: readonly SeriesPoint[]): Point[] {
  return shownPoints(model, points, 2 * (points[0]?.[0] ?? 0))
}

function line(
  name: string,
  i: number,
  data: readonly Point[],
  type: 'solid' | 'dashed' = 'solid',
): PlainOption {
  const colour = `var(--p-${(i % 7) + 2})`
  return {
    name,
    type: 'line',
    symbol: 'none',
    color: colour,
    lineStyle: { width: type === 'solid' ? 1.5 : 1, color: colour, type },
    emphasis: { disabled: true },
    data,
  }
}
