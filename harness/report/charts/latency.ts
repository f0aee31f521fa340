// How long reads took: over time, as a heat map, and as a percentile spectrum by phase.
import { tickMs } from '../format.ts'
import type { ReportModel } from '../model.ts'
import { phasesByFault } from '../sections/key-numbers.ts'
import { type HeatCells, heatRowsPerDecade } from '../timeline.ts'
import {
  axisText,
  baseOption,
  type Chart,
  gridLeftPx,
  gridRightPx,
  legend,
  logAxis,
  type PlainOption,
  type Point,
  pointsOf,
  timeOption,
  tooltip,
  valueAxis,
} from './chart.ts'

/** Null when nothing ended at all. */
export function latencyChart(model: ReportModel): Chart | null {
  const { p50Ms, p99Ms, serviceP99Ms, maxMs, slowestFailureMs } = model.timeline
  if ([...maxMs, ...slowestFailureMs].every((ms) => ms === null)) return null
  const failures = slowestFailureMs.some((ms) => ms !== null)
    ? [dots('slowest failure', 'var(--o-http5xx)', pointsOf(model, slowestFailureMs))]
    : []
  const baseline = phasesByFault(model).before.at(-1)
  const baselineMs = baseline?.populations.known.p99Ms ?? null
  return {
    id: 'latency',
    title: 'Response time',
    caption: `Of known reads that ended ok, counted from the intended start, so that waiting is not hidden. Dotted: service time, from the first byte sent; shaded: what lies between the two p99, the waiting. Logarithmic. Dots: the slowest clear failure of any arrival.${baselineMs === null ? '' : ` Dashed: p99 of ${baseline!.name}, before the faults.`}`,
    heightPx: 300,
    group: 'time',
    option: timeOption({
      model,
      unit: 'ms',
      yAxis: logAxis([...p50Ms, ...maxMs, ...slowestFailureMs]),
      series: [
        line('p50', 'var(--q-p50)', pointsOf(model, p50Ms), 2),
        { ...line('p99', 'var(--q-p99)', pointsOf(model, p99Ms), 2), ...level(baselineMs) },
        line('max', 'var(--q-max)', pointsOf(model, maxMs), 1),
        ...waiting(pointsOf(model, serviceP99Ms), pointsOf(model, p99Ms)),
        ...failures,
      ],
    }),
  }
}

/** The service time's p99, and on it what lies below the response time's. */
function waiting(service: readonly Point[], response: readonly Point[]): PlainOption[] {
  const between = response.map(([ms, whole], i): Point => {
    const served = service[i]![1]
    return [ms, whole === null || served === null ? null : Math.max(0, whole - served)]
  })
  const served = line('p99 service', 'var(--q-p99)', service, 1)
  return [
    { ...served, lineStyle: { width: 1, color: 'var(--q-p99)', type: 'dotted' }, stack: 'p99' },
    {
      ...line('waiting', 'var(--q-wait)', between, 0),
      stack: 'p99',
      areaStyle: { color: 'var(--q-wait)', opacity: 0.35 },
    },
  ]
}

/** A dashed line across the chart. */
function level(ms: number | null): PlainOption {
  if (ms === null) return {}
  const lineStyle = { color: 'var(--q-p99)', type: 'dashed', width: 1 }
  return {
    markLine: { silent: true, symbol: 'none', label: { show: false }, lineStyle, data: [{ yAxis: ms }] },
  }
}

function line(name: string, colour: string, data: readonly unknown[], width: number): PlainOption {
  return {
    name,
    type: 'line',
    symbol: 'none',
    color: colour,
    lineStyle: { width, color: colour },
    emphasis: { disabled: true },
    data,
  }
}

function dots(name: string, colour: string, data: readonly unknown[]): PlainOption {
  return {
    name,
    type: 'scatter',
    symbolSize: 5,
    color: colour,
    itemStyle: { color: colour, opacity: 0.8 },
    data,
  }
}

/** From few reads to many; legible on light and on dark ground. */
const heatColours = ['#3b528b', '#2c728e', '#21918c', '#28ae80', '#5ec962', '#addc30', '#fde725']

export function heatChart(model: ReportModel): Chart | null {
  const heat = shownHeat(model)
  if (heat.cells.length === 0) return null
  const most = Math.max(...heat.cells.map(([, , reads]) => reads))
  return {
    id: 'heat',
    title: 'Latency heat map',
    caption:
      'Each cell counts known reads by second and response time. Hits, misses and failovers show as separate bands, which percentiles blur. Dashed frames: the faults, by their number.',
    heightPx: 280,
    option: {
      ...baseOption,
      grid: { left: gridLeftPx, right: gridRightPx, top: 12, bottom: 28 },
      tooltip: tooltip('@heat', 'item'),
      xAxis: heatTimeAxis(heat),
      yAxis: {
        ...valueAxis('ms'),
        type: 'category',
        data: heat.rowEdgesMs.slice(0, -1),
        axisLabel: { ...axisText, formatter: '@unit:ms', interval: heatRowsPerDecade - 1 },
        axisTick: { show: false },
        splitLine: { show: false },
      },
      visualMap: {
        type: 'continuous',
        dimension: 2,
        min: 0,
        max: Math.max(1, Math.log10(most)),
        show: false,
        inRange: { color: heatColours },
      },
      series: [
        {
          name: 'reads',
          type: 'heatmap',
          emphasis: { disabled: true },
          markArea: faultFrames(model, heat),
          data: heat.cells.map(([column, row, reads]) => [
            column,
            row,
            Number(Math.log10(reads).toFixed(2)),
            reads,
            heat.startMs + column * heat.widthMs,
            heat.rowEdgesMs[row],
            heat.rowEdgesMs[row + 1],
          ]),
        },
      ],
    },
  }
}

/** A frame around the columns of each fault, by its number; a category axis knows whole columns alone. */
function faultFrames({ faults, endMs }: ReportModel, { startMs, widthMs, columns }: ShownHeat): PlainOption {
  const columnAt = (ms: number) => Math.min(columns - 1, Math.max(0, Math.floor((ms - startMs) / widthMs)))
  return {
    silent: true,
    itemStyle: {
      color: 'transparent',
      borderColor: 'var(--fault-edge)',
      borderWidth: 1.5,
      borderType: 'dashed',
    },
    label: { position: 'insideTopLeft', color: 'var(--fault)', fontSize: 11, fontWeight: 600 },
    data: faults.map((fault, i) => [
      { xAxis: columnAt(fault.startMs), label: { formatter: String(i + 1) } },
      { xAxis: columnAt(fault.endMs ?? endMs) },
    ]),
  }
}

type ShownHeat = HeatCells & { readonly startMs: number }

/** The columns that are shown, counted from the first of them. */
function shownHeat({ timeline: { heat }, shown }: ReportModel): ShownHeat {
  const first = Math.floor(shown.startMs / heat.widthMs)
  const last = Math.min(heat.columns, Math.ceil(shown.endMs / heat.widthMs)) - 1
  const cells = heat.cells
    .filter(([column]) => column >= first && column <= last)
    .map(([column, row, reads]) => [column - first, row, reads] as const)
  return { ...heat, cells, columns: last - first + 1, startMs: first * heat.widthMs }
}

function heatTimeAxis({ columns, widthMs, startMs }: ShownHeat): PlainOption {
  const labelled = Math.max(1, Math.round(tickMs(columns * widthMs) / widthMs))
  return {
    type: 'category',
    data: Array.from({ length: columns }, (_, i) => startMs + i * widthMs),
    axisLabel: { ...axisText, formatter: '@clock', hideOverlap: true, interval: labelled - 1 },
    axisLine: { lineStyle: { color: 'var(--line)' } },
    axisTick: { show: false },
  }
}

const phaseColours = Array.from({ length: 8 }, (_, i) => `var(--p-${i + 1})`)

export function spectrumChart(model: ReportModel): Chart | null {
  if (model.spectrum.length === 0) return null
  const series = model.spectrum.flatMap(({ phase, responseMs, serviceMs }, i) => {
    const solid = line(phase, phaseColours[i % phaseColours.length]!, responseMs, 2)
    return [
      solid,
      { ...solid, id: `service of ${phase}`, lineStyle: { width: 1, type: 'dashed' }, data: serviceMs },
    ]
  })
  const all = model.spectrum.flatMap(({ responseMs, serviceMs }) =>
    [...responseMs, ...serviceMs].map(([, ms]) => ms),
  )
  return {
    id: 'spectrum',
    title: 'Percentile spectrum by phase',
    caption:
      'How slow the slowest reads of each phase were, further right the rarer. The flatter a line stays, the steadier the phase. Known reads that ended ok; solid: response time, from the intended start; dashed: service time, from the first byte sent. What lies between is waiting.',
    heightPx: 320,
    option: {
      ...baseOption,
      grid: { left: gridLeftPx, right: gridRightPx + 10, top: 34, bottom: 28 },
      legend: legend(model.spectrum.map(({ phase }) => phase)),
      tooltip: tooltip('@spectrum'),
      xAxis: {
        ...valueAxis('count'),
        min: 0,
        interval: 1,
        axisLabel: { ...axisText, formatter: '@nines', showMaxLabel: false },
      },
      yAxis: { ...valueAxis('ms'), ...logAxis(all) },
      series,
    },
  }
}
