// What the scenario demands, what was measured, and the phases those numbers come from.
import { bytes, count, duration, latency } from '../format.ts'
import { type Html, html } from '../html.ts'
import type { PhaseRow, ReportModel } from '../model.ts'
import { measuredText, mustText } from './measured.ts'
import { table } from './table.ts'

const order = { fail: 0, unknown: 1, pass: 2 } as const

/** Failed thresholds come first. */
export function thresholdsSection(model: ReportModel): Html {
  const rows = model.results.thresholds
    .toSorted((a, b) => order[a.verdict] - order[b.verdict])
    .map((one) => [
      one.name,
      one.phase,
      html`<span title="${one.expression}">${mustText(model, one)}</span>`,
      { value: measuredText(model, one.name, one.measured), isBad: one.verdict === 'fail' },
      html`<span class="badge ${one.verdict}">${model.isRunning ? 'NOT YET' : one.verdict.toUpperCase()}</span>`,
    ])
  const columns = [
    { head: 'Threshold' },
    { head: 'Phase' },
    { head: 'Must be' },
    { head: 'Measured', isNumber: true },
    { head: 'Verdict' },
  ]
  return html`<section id="thresholds"><h2>Thresholds</h2>${
    rows.length > 0
      ? table(columns, rows)
      : html`<p>The scenario set no thresholds, so nothing could pass.</p>`
  }</section>`
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
