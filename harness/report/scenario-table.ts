// Scenarios down, systems across: what `scenarios/all.mjs` ends with, as Markdown for the README and as a page.
import { mkdir, writeFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import type { Results, Verdict } from '../history/results-contract.ts'
import { plural } from './format.ts'
import { html } from './html.ts'
import { escapeMarkdown, markdownTable } from './markdown.ts'
import { pageOf } from './page.ts'
import { table } from './sections/table.ts'

export interface FinishedRun {
  readonly runDir: string
  readonly results: Results
}

const marks: Record<Verdict, string> = { pass: '✅', fail: '❌', unknown: '❔' }

/** Writes `scenarios.md` and `scenarios.html` into the folder; links are relative to it. */
export async function writeScenarioTable(runs: readonly FinishedRun[], outDir: string) {
  await mkdir(outDir, { recursive: true })
  const htmlPath = join(outDir, 'scenarios.html')
  const markdown = scenarioMarkdown(runs)
  await writeFile(join(outDir, 'scenarios.md'), `${markdown}\n`)
  await writeFile(htmlPath, scenarioPage(runs, outDir))
  return { htmlPath, markdown }
}

export function scenarioMarkdown(runs: readonly FinishedRun[]): string {
  const { scenarios, systems } = axes(runs)
  const rows = scenarios.map((scenario) => [
    escapeMarkdown(scenario),
    ...systems.map((system) => cellText(runsOf(runs, scenario, system), escapeMarkdown)),
  ])
  return markdownTable(['Scenario', ...systems.map(escapeMarkdown)], rows)
}

/** "✅ pass", "❌ fail: the first threshold that failed"; several runs of a cell are counted. */
function cellText(runs: readonly FinishedRun[], escapeText: (text: string) => string): string {
  if (runs.length === 0) return '–'
  const worst = worstOf(runs)
  const { verdict } = worst.results
  const times =
    runs.length === 1
      ? ''
      : ` (${plural(runs.filter((run) => run.results.verdict === 'pass').length, 'pass', 'passes')} of ${runs.length})`
  return `${marks[verdict]} ${verdict}${times}${verdict === 'pass' ? '' : `: ${escapeText(whyNot(worst.results))}`}`
}

function whyNot(results: Results): string {
  return results.thresholds.find((threshold) => threshold.verdict === results.verdict)?.name ?? results.reason
}

const severity: Record<Verdict, number> = { fail: 2, unknown: 1, pass: 0 }

function worstOf(runs: readonly FinishedRun[]): FinishedRun {
  return runs.reduce((worst, run) =>
    severity[run.results.verdict] > severity[worst.results.verdict] ? run : worst,
  )
}

function axes(runs: readonly FinishedRun[]) {
  return {
    scenarios: [...new Set(runs.map((run) => run.results.scenario))],
    systems: [...new Set(runs.map((run) => run.results.system))],
  }
}

function runsOf(runs: readonly FinishedRun[], scenario: string, system: string): FinishedRun[] {
  return runs.filter(({ results }) => results.scenario === scenario && results.system === system)
}

function scenarioPage(runs: readonly FinishedRun[], outDir: string): string {
  const { scenarios, systems } = axes(runs)
  const cell = (scenario: string, system: string) =>
    runsOf(runs, scenario, system).map(
      ({ runDir, results }) =>
        html`<div><a href="${linkTo(runDir, outDir)}"><span class="badge ${results.verdict}">${results.verdict.toUpperCase()}</span></a> ${results.verdict !== 'pass' && whyNot(results)}</div>`,
    )
  const rows = scenarios.map((scenario) => [scenario, ...systems.map((system) => cell(scenario, system))])
  const passed = runs.filter((run) => run.results.verdict === 'pass').length
  const title = `${passed} of ${plural(runs.length, 'run')} passed`
  const body = html`<header class="verdict ${passed === runs.length ? 'pass' : 'fail'}"><h1>${title}</h1></header>
<section id="scenarios"><h2>Scenarios by system</h2>${table([{ head: 'Scenario' }, ...systems.map((head) => ({ head }))], rows)}</section>`
  return pageOf({ title, body, charts: [], speed: 1 })
}

/** A link that works wherever the folder is moved to. */
export function linkTo(runDir: string, fromDir: string): string {
  return relative(fromDir, join(runDir, 'report.html')).split('/').map(encodeURIComponent).join('/')
}
