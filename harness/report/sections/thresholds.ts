// What the scenario demands, what was measured, and the phases those numbers come from.
import type { ThresholdResult } from '../../history/results-contract.ts'
import { bytes, count, duration, latency } from '../format.ts'
import { type Html, html } from '../html.ts'
import type { PhaseRow, ReportModel } from '../model.ts'
import { intervalText, isCloseCall, marginText, measuredText, mustText } from './measured.ts'
import { type Cell, table } from './table.ts'

const order = { fail: 0, unknown: 1, pass: 2 } as const

/** Failed thresholds come first. */
export function thresholdsSection(model: ReportModel): Html {
  const rows = model.results.thresholds
    .toSorted((a, b) => order[a.verdict] - order[b.verdict])
    .map((one) => [
      one.name,
      one.phase,
      html`<span title="${one.expression}">${mustText(model, one)}</span>`,
      measuredCell(model, one),
      marginCell(model, one),
      html`<span class="badge ${one.verdict}">${model.isRunning ? 'NOT YET' : one.verdict.toUpperCase()}</span>`,
    ])
  const columns = [
    { head: 'Threshold' },
    { head: 'Phase' },
    { head: 'Must be' },
    { head: 'Measured', isNumber: true },
    { head: 'Margin', isNumber: true },
    { head: 'Verdict' },
  ]
  const hasIntervals = model.intervals.length > 0
  return html`<section id="thresholds"><h2>Thresholds</h2>${
    hasIntervals &&
    html`<p class="caption">Below a quantile or a ratio: its 95 % interval, by how the seconds of this run differ. A close call: the limit lies within it, so another run may well be judged otherwise.</p>`
  }${
    rows.length > 0
      ? table(columns, rows)
      : html`<p>The scenario set no thresholds, so nothing could pass.</p>`
  }</section>`
}

function measuredCell(model: ReportModel, { name, measured, verdict }: ThresholdResult): Cell {
  const interval = intervalText(model, name)
  return {
    value: html`${measuredText(model, name, measured)}${interval !== null && html`<br><span class="muted">${interval}</span>`}`,
    isBad: verdict === 'fail',
  }
}

function marginCell(model: ReportModel, one: ThresholdResult): Html {
  return html`${marginText(model, one)}${isCloseCall(model, one.name) && html`<br><span class="muted">a close call</span>`}`
}

export function phasesSection(model: ReportModel): Html {
  const columns = [
    { head: 'Phase' },
    { head: 'Lasted', isNumber: true },
    { head: 'Known reads', isNumber: true },
    { head: 'Failed', isNumber: true },
    { head: 'p50', isNumber: true },
    { head: 'p99', isNumber: true },
    { head: 'Max', isNumber: true },
    { head: 'Never-read ok / failed', isNumber: true },
    { head: 'Uploads ok / failed', isNumber: true },
    { head: 'Served', isNumber: true },
    { head: 'From S3', isNumber: true },
  ]
  return html`<section id="phases"><h2>Phases</h2>
<p class="caption">Response times are of known reads that ended ok, from the intended start. Lasted: wall time${model.results.speed === 1 ? '' : ', then calendar time'}.</p>
${table(
  columns,
  model.phases.map((phase) => phaseCells(phase, model)),
)}</section>`
}

function phaseCells(phase: PhaseRow, model: ReportModel) {
  const { known, 'never-read': neverRead, upload } = phase.populations
  const wallMs = (phase.endMs ?? model.endMs) - phase.startMs
  const { speed } = model.results
  return [
    html`<b>${phase.name}</b>${phase.control && ' (control)'}<br><span class="muted">${phase.story}</span>`,
    speed === 1
      ? duration(wallMs)
      : html`${duration(wallMs)}<br><span class="muted">${duration(wallMs * speed)}</span>`,
    count(known.scheduled),
    { value: count(known.failed), isBad: known.failed > 0 },
    latency(known.p50Ms),
    latency(known.p99Ms),
    latency(known.maxMs),
    `${count(neverRead.ok)} / ${count(neverRead.failed)}`,
    `${count(upload.ok)} / ${count(upload.failed)}`,
    bytes(phase.servedBytes),
    bytes(phase.originBytes),
  ]
}
