// Several systems judged by the same scenario, side by side: a table of what matters, the thresholds, and overlaid charts.
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { median } from 'simple-statistics'
import { availabilityChart } from './charts/availability.ts'
import type { Chart } from './charts/chart.ts'
import { overlayCharts } from './charts/overlay.ts'
import { chartSvg } from './charts/svg.ts'
import { bytes, count, latency, percent, plural } from './format.ts'
import { type Html, html } from './html.ts'
import { escapeMarkdown, markdownTable } from './markdown.ts'
import type { ReportModel } from './model.ts'
import { pageOf } from './page.ts'
import { linkTo } from './scenario-table.ts'
import { faultList, figure } from './sections/charts.ts'
import { phasesByFault, sum } from './sections/key-numbers.ts'
import { measuredText } from './sections/measured.ts'
import { table } from './sections/table.ts'
import { readModel } from './write.ts'

export interface ComparedRun {
  readonly runDir: string
  readonly model: ReportModel
}

/** All runs of one system; the first one stands for it in the charts. */
export interface ComparedSystem {
  readonly system: string
  readonly runs: readonly [ComparedRun, ...ComparedRun[]]
}

/** Reads each run's history and writes `comparison.html` and `comparison.md` into the folder. */
export async function writeComparison(runDirs: readonly string[], outDir: string) {
  const runs: ComparedRun[] = []
  for (const runDir of runDirs) runs.push({ runDir, model: await readModel(runDir) })
  const systems = bySystem(runs)
  await mkdir(outDir, { recursive: true })
  const htmlPath = join(outDir, 'comparison.html')
  const markdown = comparisonMarkdown(systems)
  await writeFile(join(outDir, 'comparison.md'), `${markdown}\n`)
  await writeFile(htmlPath, comparisonPage(systems, outDir))
  return { htmlPath, markdown }
}

function bySystem(runs: readonly ComparedRun[]): ComparedSystem[] {
  const groups = Map.groupBy(runs, (run) => run.model.results.system)
  return [...groups].map(([system, [first, ...rest]]) => ({ system, runs: [first!, ...rest] }))
}

interface Metric {
  readonly name: string
  readonly of: (model: ReportModel) => number | null
  readonly text: (value: number) => string
}

const metrics: readonly Metric[] = [
  { name: 'Known reads answered while faulty', of: answeredRatio, text: percent },
  { name: 'Known reads that failed', of: (model) => known(model, (row) => row.failed), text: count },
  { name: 'Served stale', of: (model) => known(model, (row) => row.byOutcome.stale), text: count },
  {
    name: 'p99 before the faults',
    of: (model) => phasesByFault(model).before.at(-1)?.populations.known.p99Ms ?? null,
    text: latency,
  },
  { name: 'p99 while faulty, worst phase', of: (model) => worst(model, 'p99Ms'), text: latency },
  { name: 'Slowest known read while faulty', of: (model) => worst(model, 'maxMs'), text: latency },
  { name: 'Bytes from S3', of: ({ results }) => results.bandwidth.originBytes, text: bytes },
  {
    name: 'S3 bandwidth saved',
    of: ({ results }) => results.bandwidth.savedRatio,
    text: (ratio) => percent(Math.round(ratio * 1000) / 1000),
  },
  { name: 'CPU of the system', of: systemCpu, text: (seconds) => `${seconds.toFixed(1)} s` },
]

type KnownRow = ReportModel['phases'][number]['populations']['known']

function known(model: ReportModel, of: (row: KnownRow) => number): number {
  return sum(
    model.phases.filter((phase) => !phase.control),
    (phase) => of(phase.populations.known),
  )
}

function answeredRatio(model: ReportModel): number | null {
  const { during } = phasesByFault(model)
  const scheduled = sum(during, (phase) => phase.populations.known.scheduled)
  return scheduled === 0 ? null : sum(during, (phase) => phase.populations.known.ok) / scheduled
}

function worst(model: ReportModel, column: 'p99Ms' | 'maxMs'): number | null {
  const values = phasesByFault(model).during.map((phase) => phase.populations.known[column])
  const present = values.filter((value) => value !== null)
  return present.length === 0 ? null : Math.max(...present)
}

function systemCpu({ results }: ReportModel): number | null {
  const seconds = Object.values(results.systemCpuSeconds)
  return seconds.length === 0 ? null : sum(seconds, (one) => one)
}

/** The median of the system's runs and, when there are several, the least and the most. */
function metricText(metric: Metric, { runs }: ComparedSystem): string {
  const values = runs.map((run) => metric.of(run.model)).filter((value) => value !== null)
  if (values.length === 0) return '–'
  const middle = metric.text(median(values))
  return values.length === 1
    ? middle
    : `${middle} (${metric.text(Math.min(...values))} to ${metric.text(Math.max(...values))})`
}

function thresholdNames(systems: readonly ComparedSystem[]): string[] {
  return [
    ...new Set(
      systems.flatMap(({ runs }) =>
        runs.flatMap(({ model }) => model.results.thresholds.map(({ name }) => name)),
      ),
    ),
  ]
}

/** The first run that did not pass a threshold speaks for the system; else the first run. */
function thresholdOf({ runs }: ComparedSystem, name: string) {
  const all = runs.flatMap(({ model }) =>
    model.results.thresholds.filter((one) => one.name === name).map((one) => ({ model, one })),
  )
  const shown = all.find(({ one }) => one.verdict !== 'pass') ?? all[0]
  return shown && { verdict: shown.one.verdict, text: measuredText(shown.model, name, shown.one.measured) }
}

function comparisonMarkdown(systems: readonly ComparedSystem[]): string {
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
  return [
    titleOf(systems),
    markdownTable(['', ...head], [verdicts, ...rows]),
    markdownTable(['Threshold', ...head], thresholds),
  ].join('\n\n')
}

function titleOf(systems: readonly ComparedSystem[]): string {
  const scenario = systems[0]?.runs[0].model.results.scenario ?? 'no scenario'
  return escapeMarkdown(`${scenario} on ${systems.map(({ system }) => system).join(', ')}`)
}

function comparisonPage(systems: readonly ComparedSystem[], outDir: string): string {
  const models = systems.map(({ system, runs }) => ({ system, model: runs[0].model }))
  const overlays = overlayCharts(models)
  const outcomes = models.map(({ system, model }, i) => namedFor(availabilityChart(model), system, i))
  const charts = [...overlays, ...outcomes]
  const speed = models[0]?.model.results.speed ?? 1
  const draw = (chart: Chart) => figure(chart, chartSvg(chart, speed))
  const body = html`<header class="verdict ${systems.every(passes) ? 'pass' : 'unknown'}"><h1>${headline(systems)}</h1></header>
<section id="numbers"><h2>Side by side</h2>${numbersTable(systems, outDir)}</section>
<section id="thresholds"><h2>Thresholds</h2>${thresholdsTable(systems)}</section>
<section id="overlaid"><h2>Over time</h2>${models[0] && faultList(models[0].model)}${overlays.map(draw)}</section>
<section id="outcomes"><h2>Reads by outcome</h2>${outcomes.map(draw)}</section>`
  return pageOf({ title: headline(systems), body, charts, speed })
}

function namedFor(chart: Chart, system: string, i: number): Chart {
  return { ...chart, id: `${chart.id}-${i}`, title: system, caption: i === 0 ? chart.caption : '' }
}

function passes({ runs }: ComparedSystem): boolean {
  return runs.every(({ model }) => model.results.verdict === 'pass')
}

function headline(systems: readonly ComparedSystem[]): string {
  const scenario = systems[0]?.runs[0].model.results.scenario ?? 'nothing'
  const passed = systems.filter(passes).map(({ system }) => system)
  return `${scenario}: ${passed.length === 0 ? 'no system' : passed.join(', ')} of ${plural(systems.length, 'system')} passed every run`
}

function numbersTable(systems: readonly ComparedSystem[], outDir: string): Html {
  const columns = [{ head: '' }, ...systems.map(({ system }) => ({ head: system, isNumber: true }))]
  const verdicts = ['Verdict', ...systems.map(({ runs }) => runs.map((run) => verdictLink(run, outDir)))]
  const rows = metrics.map((metric) => [metric.name, ...systems.map((system) => metricText(metric, system))])
  return table(columns, [verdicts, ...rows])
}

function verdictLink({ runDir, model: { results } }: ComparedRun, outDir: string): Html {
  return html`<a href="${linkTo(runDir, outDir)}"><span class="badge ${results.verdict}">${results.verdict.toUpperCase()}</span></a> `
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
