// The charts' place in the page: each stands as SVG and is replaced by a live one where script runs.
import { availabilityChart, othersChart } from '../charts/availability.ts'
import type { Chart } from '../charts/chart.ts'
import { heatChart, latencyChart, spectrumChart } from '../charts/latency.ts'
import { marksOf } from '../charts/marks.ts'
import {
  connectionsChart,
  evictionsChart,
  linksChart,
  loadChart,
  memoryChart,
  storeChart,
} from '../charts/parts.ts'
import { bytesChart, healingChart } from '../charts/traffic.ts'
import { clock, duration } from '../format.ts'
import { type Html, html, trusted } from '../html.ts'
import type { ReportModel } from '../model.ts'
import { lengthMs } from '../spans.ts'

export interface ReportCharts {
  readonly overTime: readonly Chart[]
  /** Under the strips of what happened, by the same clock. */
  readonly parts: readonly Chart[]
  readonly latency: readonly Chart[]
  readonly traffic: readonly Chart[]
  readonly healing: readonly Chart[]
}

/** How a chart gets into the page: as `figure` draws it with or without SVG. */
export type DrawFigure = (chart: Chart) => Html

export function chartsOf(model: ReportModel): ReportCharts {
  return {
    overTime: present([availabilityChart(model), othersChart(model)]),
    parts: present([
      loadChart(model),
      connectionsChart(model),
      storeChart(model),
      evictionsChart(model),
      memoryChart(model),
    ]),
    latency: present([latencyChart(model), heatChart(model), spectrumChart(model)]),
    traffic: present([bytesChart(model), linksChart(model)]),
    healing: present([healingChart(model)]),
  }
}

function present(charts: readonly (Chart | null)[]): Chart[] {
  return charts.filter((chart) => chart !== null)
}

/** A chart's place, with the chart as SVG in it unless `svg` is null. Time charts take keys: arrows, plus, minus, Escape. */
export function figure(chart: Chart, svg: string | null): Html {
  const keys = chart.group === 'time'
  return html`<figure id="chart-${chart.id}"${keys && html` tabindex="0"`} aria-label="${chart.title}">
<figcaption><span class="title">${chart.title}</span>${chart.caption}</figcaption>
${svg !== null && trusted(svg)}<div class="live" aria-hidden="true"></div>
</figure>`
}

/** The faults by the numbers that the charts use. */
export function faultList(model: ReportModel): Html {
  if (model.faults.length === 0)
    return html`<p class="caption">${model.isRunning ? 'No fault has struck yet.' : 'No fault was injected.'}</p>`
  const items = model.faults.map((fault, i) => {
    const calendar = duration(lengthMs(fault, model.endMs) * model.results.speed)
    const end = fault.endMs === null ? 'not healed' : clock(fault.endMs)
    return html`<li><b>${i + 1} ${fault.name}</b> on ${fault.target}, ${clock(fault.startMs)} to ${end} (${calendar})</li>`
  })
  return html`<ul class="faults" aria-label="Faults">${items}</ul>
${marksOf(model).length > 0 && html`<p class="caption">In the charts over time a fault is shaded from where it struck to where it was healed. Dotted lines mark, by the fault’s number, when it was detected, when no known read failed any more (switched), and when all was normal again after healing.</p>`}`
}
