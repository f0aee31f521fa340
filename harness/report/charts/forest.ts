// A forest plot: how many times slower or faster another system was, a line a phase and quantile, with its interval.
import type { QuantileRatio } from '../../history/results-contract.ts'
import { axisText, baseOption, type Chart, type PlainOption, tooltip, valueAxis } from './chart.ts'

const colours = {
  higher: 'var(--o-http5xx)',
  lower: 'var(--o-hit)',
  inconclusive: 'var(--muted)',
} as const

const rowHeightPx = 22

export interface ForestParts {
  readonly id: string
  readonly system: string
  readonly base: string
  readonly ratios: readonly QuantileRatio[]
}

/** null when there is no ratio to show. */
export function forestChart({ id, system, base, ratios }: ForestParts): Chart | null {
  const rows = ratios.filter((one) => !saysNothing(one)).reverse()
  if (rows.length === 0) return null
  const axis = ratioAxis(rows)
  return {
    id,
    title: `Response time: ${system} over ${base}`,
    caption: `Right of 1, in red: ${system} was slower; left, in green: faster; grey: the two can’t be told apart. Lines are 95 % intervals, by how the seconds of a phase differ; they say nothing of how another run would have come out.`,
    heightPx: 60 + rows.length * rowHeightPx,
    option: {
      ...baseOption,
      grid: { left: 12, right: 24, top: 8, bottom: 24, containLabel: true },
      tooltip: tooltip('@text', 'item'),
      xAxis: axis,
      yAxis: {
        type: 'category',
        data: rows.map(rowName),
        axisLabel: { ...axisText, interval: 0 },
        axisLine: { show: false },
        axisTick: { show: false },
      },
      series: [
        {
          name: system,
          type: 'scatter',
          symbol: 'rect',
          symbolSize: 9,
          data: rows.map((one, row) => ({
            value: [one.ratio, row],
            itemStyle: { color: colours[one.conclusion] },
            text: `${rowName(one)}: ${ratioText(one)}`,
          })),
          markLine: {
            silent: true,
            symbol: 'none',
            label: { show: false },
            data: [
              { xAxis: 1, lineStyle: { color: 'var(--fg)', type: 'solid', width: 1 } },
              ...rows.map((one, row) => interval(one, row, axis)),
            ],
          },
        },
      ],
    },
  }
}

function interval({ low, high, conclusion }: QuantileRatio, row: number, { min, max }: Axis): PlainOption[] {
  const lineStyle = { color: colours[conclusion], type: 'solid', width: 2 }
  return [
    { coord: [Math.max(low, min), row], lineStyle },
    { coord: [Math.min(high ?? max, max), row] },
  ] as never
}

interface Axis extends PlainOption {
  readonly min: number
  readonly max: number
}

/** Logarithmic, whole powers of two that hold 1 and all ratios; what is unbounded runs off the edge. */
function ratioAxis(ratios: readonly QuantileRatio[]): Axis {
  const ends = ratios.flatMap(({ low, ratio, high }) => [low, ratio, high ?? ratio]).filter((end) => end > 0)
  const first = Math.min(-1, Math.floor(Math.log2(Math.min(...ends))))
  const last = Math.max(1, Math.ceil(Math.log2(Math.max(...ends))))
  return {
    ...valueAxis('ratio'),
    type: 'log',
    logBase: 2,
    min: 2 ** first,
    max: 2 ** last,
    // In powers of two, on this axis.
    interval: Math.ceil((last - first) / 8),
    axisLabel: { ...axisText, formatter: '@unit:ratio', hideOverlap: true },
  }
}

function rowName({ phase, quantile }: QuantileRatio): string {
  return `${phase}, p${Number((quantile * 100).toFixed(3))}`
}

/** One end is open and 1 lies within: there were too few reads to tell anything. */
function saysNothing({ low, high, conclusion }: QuantileRatio): boolean {
  return conclusion === 'inconclusive' && (low === 0 || high === null)
}

/** "1.40 × (1.32 to 1.49)"; after ~ it could as well be 1. */
export function ratioText(one: QuantileRatio): string {
  const { ratio, low, high, conclusion } = one
  if (saysNothing(one)) return '~ too few reads'
  if (low === 0) return `${digits(ratio)} × (at most ${digits(high!)})`
  if (high === null) return `${digits(ratio)} × (at least ${digits(low)})`
  return `${conclusion === 'inconclusive' ? '~ ' : ''}${digits(ratio)} × (${digits(low)} to ${digits(high)})`
}

function digits(ratio: number): string {
  return ratio >= 100 ? ratio.toFixed(0) : ratio.toPrecision(3)
}
