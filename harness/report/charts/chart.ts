// What all charts share: their plain options, axes, and the shading of faults. Options are JSON, so that the same one is
// drawn in the page and, without a browser, as SVG. Colours are CSS variables and follow the reader's light or dark.
import { tickMs } from '../format.ts'
import type { ReportModel } from '../model.ts'
import { markLines } from './marks.ts'

export type PlainOption = { readonly [key: string]: unknown }

export interface Chart {
  readonly id: string
  readonly title: string
  /** What it shows and how to read it, one or two sentences. */
  readonly caption: string
  readonly heightPx: number
  readonly option: PlainOption
  /** Time charts zoom and point together. */
  readonly group?: 'time'
}

export type Point = readonly [number, number | null]

/** What every chart's option begins with. */
export const baseOption: PlainOption = {
  animation: false,
  textStyle: { fontFamily: 'system-ui, sans-serif' },
}

export const gridLeftPx = 64
export const gridRightPx = 14
const laneHeightPx = 14

export const axisText = { color: 'var(--muted)', fontSize: 11 }

export interface TimeChartParts {
  readonly model: ReportModel
  readonly unit: 'rate' | 'bytesRate' | 'bytes' | 'count' | 'ms'
  readonly yAxis?: PlainOption
  readonly series: readonly PlainOption[]
  /** A low chart, without words on its marks. */
  readonly isLow?: boolean
}

/** An option with the run's time as x, the faults shaded and named, and a legend of the series. */
export function timeOption({ model, unit, yAxis, series, isLow = false }: TimeChartParts): PlainOption {
  const top = 30 + laneCount(model) * laneHeightPx
  return {
    ...baseOption,
    grid: { left: gridLeftPx, right: gridRightPx, top, bottom: 28 },
    legend: legend([...new Set(series.map((one) => one.name as string))]),
    tooltip: tooltip(`@tooltip:${unit}`),
    dataZoom: [{ type: 'inside', filterMode: 'none', zoomOnMouseWheel: 'ctrl', moveOnMouseMove: false }],
    xAxis: timeAxis(model.shown),
    yAxis: { ...valueAxis(unit), ...yAxis },
    series: [...series, faultShading(model, isLow)],
  }
}

export function legend(names: readonly string[]): PlainOption {
  return {
    type: 'scroll',
    top: 0,
    left: gridLeftPx - 8,
    right: 8,
    icon: 'roundRect',
    itemWidth: 12,
    itemHeight: 12,
    textStyle: { color: 'var(--fg)', fontSize: 12 },
    pageTextStyle: axisText,
    pageIconColor: 'var(--fg)',
    pageIconInactiveColor: 'var(--line)',
    data: names,
  }
}

export function tooltip(formatter: string, trigger: 'axis' | 'item' = 'axis'): PlainOption {
  return {
    trigger,
    confine: true,
    formatter,
    backgroundColor: 'var(--card)',
    borderColor: 'var(--line)',
    textStyle: { color: 'var(--fg)', fontSize: 12 },
    axisPointer: { type: 'line', lineStyle: { color: 'var(--muted)', type: 'dashed' } },
  }
}

export function timeAxis({ startMs, endMs }: ReportModel['shown']): PlainOption {
  return {
    type: 'value',
    min: startMs,
    max: Math.max(startMs + 1000, endMs),
    interval: tickMs(endMs - startMs),
    axisLabel: {
      ...axisText,
      formatter: '@clock',
      hideOverlap: true,
      showMinLabel: false,
      showMaxLabel: false,
    },
    axisLine: { lineStyle: { color: 'var(--line)' } },
    axisTick: { lineStyle: { color: 'var(--line)' } },
    splitLine: { show: false },
  }
}

export function valueAxis(unit: string): PlainOption {
  return {
    type: 'value',
    axisLabel: { ...axisText, formatter: `@unit:${unit}`, hideOverlap: true },
    axisLine: { show: false },
    axisTick: { show: false },
    splitNumber: 4,
    splitLine: { lineStyle: { color: 'var(--line)' } },
  }
}

/** Log axis over whole decades that hold all the values. */
export function logAxis(values: readonly (number | null)[]): PlainOption {
  const positive = values.filter((value) => value !== null && value > 0) as number[]
  if (positive.length === 0) return { type: 'log', min: 0.1, max: 1000 }
  const min = 10 ** Math.floor(Math.log10(positive.reduce((a, b) => Math.min(a, b))))
  const max = 10 ** Math.ceil(Math.log10(positive.reduce((a, b) => Math.max(a, b))))
  return { type: 'log', min, max: max > min ? max : min * 10 }
}

/** Points at the middle of each bucket that is shown. */
export function pointsOf(model: ReportModel, values: readonly (number | null)[]): Point[] {
  const { atMs, widthMs } = model.timeline
  return shownPoints(
    model,
    values.map((value, i) => [atMs[i]! + widthMs / 2, value]),
    widthMs,
  )
}

/** Those whose buckets, `widthMs` wide, lie in what is shown, or reach into it. */
export function shownPoints(
  { shown: { startMs, endMs } }: ReportModel,
  points: readonly Point[],
  widthMs: number,
): Point[] {
  return points
    .filter(([ms]) => ms + widthMs / 2 > startMs && ms - widthMs / 2 < endMs)
    .map(([ms, value]) => [Math.min(Math.max(ms, startMs), endMs), value])
}

/** Faults on lanes, so that the names of those that overlap don't; a sliver of overlap, one healed as the next strikes, is none. */
function lanesOf(model: ReportModel): number[] {
  const laneEnds: number[] = []
  const slackMs = (model.shown.endMs - model.shown.startMs) / 100
  return model.faults.map((fault) => {
    const free = laneEnds.findIndex((endMs) => endMs <= fault.startMs + slackMs)
    const lane = free >= 0 ? free : laneEnds.length
    laneEnds[lane] = fault.endMs ?? model.endMs
    return lane
  })
}

function laneCount(model: ReportModel): number {
  return Math.min(4, Math.max(0, ...lanesOf(model)) + (model.faults.length > 0 ? 1 : 0))
}

function faultShading(model: ReportModel, isLow: boolean): PlainOption {
  const lanes = lanesOf(model)
  return {
    name: 'faults',
    type: 'line',
    data: [],
    silent: true,
    z: 5,
    tooltip: { show: false },
    markLine: markLines(model, !isLow),
    markArea: {
      silent: true,
      itemStyle: {
        color: 'var(--fault-shade)',
        borderColor: 'var(--fault-edge)',
        borderWidth: 1.5,
        borderType: 'dashed',
      },
      label: { position: 'top', color: 'var(--fault)', fontSize: 11, fontWeight: 600, textBorderWidth: 0 },
      data: model.faults.map((fault, i) => {
        const endMs = fault.endMs ?? model.endMs
        const share = (endMs - fault.startMs) / Math.max(1, model.shown.endMs - model.shown.startMs)
        return [
          {
            xAxis: fault.startMs,
            faultLabel: { number: i + 1, name: fault.name, share, lane: lanes[i]! % 4 },
          },
          { xAxis: endMs },
        ]
      }),
    },
  }
}
