// Systems side by side: what matters in numbers, phase by phase, fault by fault, threshold by threshold, and how sure
// the differences in speed are. The same in the page of `compare` and in the report of a run that was compared.

import type { Chart } from '../charts/chart.ts'
import { forestChart, ratioText } from '../charts/forest.ts'
import { overlayCharts } from '../charts/overlay.ts'
import type { ComparedRun, ComparedSystem, Comparison } from '../compared.ts'
import { metrics, metricText, thresholdNames, thresholdOf } from '../compared-metrics.ts'
import { count, latency } from '../format.ts'
import { type Html, html } from '../html.ts'
import { escapeMarkdown, markdownTable } from '../markdown-text.ts'
import { ratiosOf } from '../ratios.ts'
import { linkTo } from '../scenario-table.ts'
import type { DrawFigure } from './charts.ts'
import { lossesInARow } from './failover.ts'
import { type Cell, table } from './table.ts'

/** A line a system over time, then a forest plot for each system but the first. */
export function comparisonCharts({ systems }: Comparison): { overlays: Chart[]; forests: Chart[] } {
  const [first, ...others] = systems
  const models = systems.map(({ system, runs }) => ({ system, model: runs[0].model }))
  const forests = others.flatMap(({ system, runs }, i) => {
    const ratios = ratiosOf(runs[0].model, first!.runs[0].model)
    return forestChart({ id: `forest-${i}`, system, base: first!.system, ratios }) ?? []
  })
  return { overlays: overlayCharts(models), forests }
}

/** The section of a run's own report. */
export function comparisonSection(comparison: Comparison | null, draw: DrawFigure): Html | null {
  if (comparison === null) return null
  const { overlays, forests } = comparisonCharts(comparison)
  return html`<section id="comparison"><h2>Comparison of systems</h2>
<p class="caption">The same story, seed and flags on each, one after the other. The verdict of this run and its exit code are those of ${comparison.systems[0]!.system} alone.</p>
${comparisonTables(comparison)}<h3>How sure the differences are</h3>${forests.map(draw)}<h3>Over time</h3>${overlays.map(draw)}</section>`
}

export function comparisonTables(comparison: Comparison): Html {
  const faults = faultRows(comparison.systems)
  return html`${numbersTable(comparison)}
<h3>Phase by phase</h3><p class="caption">Of known reads; times of those that ended ok, from the intended start. After ~ the difference to ${comparison.systems[0]!.system} is inconclusive.${hasRounds(comparison) && ' The first run of each system.'}</p>${table(phaseColumns(comparison.systems), phaseRows(comparison.systems))}
${faults.length > 0 && html`<h3>Fault by fault</h3>${table(faultColumns, faults)}`}
<h3>Thresholds</h3>${thresholdsTable(comparison.systems)}`
}

function hasRounds({ systems }: Comparison): boolean {
  return systems.some(({ runs }) => runs.length > 1)
}

function numbersTable({ systems, fromDir }: Comparison): Html {
  const columns = [{ head: '' }, ...systems.map(({ system }) => ({ head: system, isNumber: true }))]
  const verdicts = ['Verdict', ...systems.map(({ runs }) => runs.map((run) => verdictLink(run, fromDir)))]
  const rows = metrics.map((metric) => [metric.name, ...systems.map((system) => metricText(metric, system))])
  return table(columns, [verdicts, ...rows])
}

function verdictLink({ runDir, model: { results } }: ComparedRun, fromDir: string): Html {
  const badge = html`<span class="badge ${results.verdict}">${results.verdict.toUpperCase()}</span>`
  return runDir === fromDir ? html`${badge} ` : html`<a href="${linkTo(runDir, fromDir)}">${badge}</a> `
}

const phaseColumns = (systems: readonly ComparedSystem[]) => [
  { head: 'Phase' },
  { head: 'System' },
  { head: 'Reads', isNumber: true },
  { head: 'Lost', isNumber: true },
  { head: 'p50', isNumber: true },
  { head: 'p99', isNumber: true },
  { head: 'Slowest', isNumber: true },
  { head: `p50 over ${systems[0]!.system}’s`, isNumber: true },
  { head: `p99 over ${systems[0]!.system}’s`, isNumber: true },
]

function phaseRows(systems: readonly ComparedSystem[]): (string | Cell)[][] {
  const base = systems[0]!.runs[0].model
  const shown = systems.map(({ system, runs: [{ model }] }) => ({
    system,
    model,
    ratios: ratiosOf(model, base),
  }))
  const phases = base.phases.filter(({ control }) => !control)
  return phases.flatMap(({ name }) =>
    shown.flatMap(({ system, model, ratios }) => {
      const known = model.phases.find((phase) => phase.name === name)?.populations.known
      if (known === undefined) return []
      const ratio = (quantile: number) => {
        const found = ratios.find((one) => one.phase === name && one.quantile === quantile)
        if (model === base) return ''
        return found ? ratioText(found) : '–'
      }
      return [
        [
          name,
          system,
          count(known.scheduled),
          { value: count(known.failed), isBad: known.failed > 0 },
          latency(known.p50Ms),
          latency(known.p99Ms),
          latency(known.maxMs),
          ratio(0.5),
          ratio(0.99),
        ],
      ]
    }),
  )
}

const faultColumns = [
  { head: 'Fault' },
  { head: 'System' },
  { head: 'Detected after', isNumber: true },
  { head: 'Traffic switched after', isNumber: true },
  { head: 'Normal again after', isNumber: true },
  { head: 'Known reads lost', isNumber: true },
  { head: 'Most in a row', isNumber: true },
  { head: 'Slowest known read', isNumber: true },
]

/** The n-th fault of each system's run stand together. */
function faultRows(systems: readonly ComparedSystem[]): (string | Cell)[][] {
  const first = systems[0]!.runs[0].model.results.failovers
  return first.flatMap((_, n) =>
    systems.flatMap(({ system, runs: [{ model }] }) => {
      const one = model.results.failovers[n]
      if (one === undefined) return []
      return [
        [
          one.fault,
          system,
          latency(one.detectedMs),
          latency(one.switchedMs),
          latency(one.backMs),
          { value: count(one.readsLost), isBad: one.readsLost > 0 },
          lossesInARow(one),
          latency(one.slowestMs),
        ],
      ]
    }),
  )
}

function thresholdsTable(systems: readonly ComparedSystem[]): Html {
  const columns = [{ head: 'Threshold' }, ...systems.map(({ system }) => ({ head: system, isNumber: true }))]
  const cell = (system: ComparedSystem, name: string) => {
    const shown = thresholdOf(system, name)
    return shown
      ? html`${shown.text} <span class="badge ${shown.verdict}">${shown.verdict.toUpperCase()}</span>`
      : '–'
  }
  return table(
    columns,
    thresholdNames(systems).map((name) => [name, ...systems.map((system) => cell(system, name))]),
  )
}

/** The tables for a pull request. */
export function comparisonMarkdown({ systems }: Comparison): string {
  const head = systems.map(({ system }) => escapeMarkdown(system))
  const verdicts = [
    'Verdict',
    ...systems.map(({ runs }) => runs.map(({ model }) => model.results.verdict).join(', ')),
  ]
  const rows = metrics.map((metric) => [metric.name, ...systems.map((system) => metricText(metric, system))])
  const thresholds = thresholdNames(systems).map((name) => [
    escapeMarkdown(name),
    ...systems.map((system) => {
      const shown = thresholdOf(system, name)
      return shown ? `${shown.verdict}: ${shown.text}` : '–'
    }),
  ])
  const faults = faultRows(systems).map((row) => row.map(markdownCell))
  return [
    markdownTable(['', ...head], [verdicts, ...rows]),
    markdownTable(
      phaseColumns(systems).map(({ head }) => head),
      phaseRows(systems).map((row) => row.map(markdownCell)),
    ),
    ...(faults.length > 0
      ? [
          markdownTable(
            faultColumns.map(({ head }) => head),
            faults,
          ),
        ]
      : []),
    markdownTable(['Threshold', ...head], thresholds),
  ].join('\n\n')
}

function markdownCell(cell: string | Cell): string {
  return escapeMarkdown(String(typeof cell === 'string' ? cell : cell.value))
}
