// Scenarios down, systems across: what `scenarios/all.mjs` ends with, as Markdown for the README and as a page.
import { mkdir, writeFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import type { Results, Verdict } from '../history/results-contract.ts'
import { plural } from './format.ts'
import { type Html, html } from './html.ts'
import { escapeMarkdown, markdownTable } from './markdown-text.ts'
import { pageOf } from './page.ts'
import { table } from './sections/table.ts'

export interface FinishedRun {
  readonly runDir: string
  readonly results: Results
}

/** One run of a scenario on a system, as the table tells it. */
export interface TableRun {
  readonly scenario: string
  readonly system: string
  readonly runDir: string
  /** null when it left none. */
  readonly results: Results | null
  /** What is to be said in place of a verdict, such as "n/a: no cache"; null when the verdict stands. */
  readonly instead: string | null
}

const marks: Record<Verdict, string> = { pass: '✅', fail: '❌', unknown: '❔' }

/** Writes `scenarios.md` and `scenarios.html` into the folder; links are relative to it. */
export async function writeScenarioTable(runs: readonly TableRun[], outDir: string) {
  await mkdir(outDir, { recursive: true })
  const htmlPath = join(outDir, 'scenarios.html')
  const markdown = scenarioMarkdown(runs)
  await writeFile(join(outDir, 'scenarios.md'), `${markdown}\n`)
  await writeFile(htmlPath, scenarioPage(runs, outDir))
  return { htmlPath, markdown }
}

export function scenarioMarkdown(runs: readonly TableRun[]): string {
  const { scenarios, systems } = axes(runs)
  const rows = scenarios.map((scenario) => [
    escapeMarkdown(scenario),
    ...systems.map((system) => escapeMarkdown(cellText(runsOf(runs, scenario, system)))),
  ])
  return markdownTable(['Scenario', ...systems.map(escapeMarkdown)], rows)
}

/** "✅ pass", "❌ fail: the first threshold that failed", "n/a: no cache". */
function cellText([run]: readonly TableRun[]): string {
  if (run === undefined) return '–'
  if (run.instead !== null || run.results === null) return clip(run.instead ?? '')
  const { verdict } = run.results
  return `${marks[verdict]} ${verdict}${verdict === 'pass' ? '' : `: ${whyNot(run.results)}`}`
}

/** The first threshold that failed and how many more did; of an unknown verdict the reason, which says why nothing is known. */
function whyNot({ thresholds, verdict, reason }: Results): string {
  const [first, ...more] = thresholds.filter((threshold) => threshold.verdict === 'fail')
  if (verdict !== 'fail' || first === undefined) return clip(reason)
  return clip(first.name) + (more.length > 0 ? ` (and ${more.length} more)` : '')
}

/** What still reads as a line in a table's cell, characters. */
const longest = 90

function clip(text: string): string {
  const line = text.trim().split('\n')[0]!
  return line.length <= longest ? line : `${line.slice(0, longest - 1).trimEnd()}…`
}

function axes(runs: readonly TableRun[]) {
  return {
    scenarios: [...new Set(runs.map((run) => run.scenario))],
    systems: [...new Set(runs.map((run) => run.system))],
  }
}

function runsOf(runs: readonly TableRun[], scenario: string, system: string): TableRun[] {
  return runs.filter((run) => run.scenario === scenario && run.system === system)
}

function scenarioPage(runs: readonly TableRun[], outDir: string): string {
  const { scenarios, systems } = axes(runs)
  const rows = scenarios.map((scenario) => [
    scenario,
    ...systems.map((system) => runsOf(runs, scenario, system).map((run) => pageCell(run, outDir))),
  ])
  const passed = runs.filter(hasPassed).length
  const applicable = runs.filter(({ instead }) => !instead?.startsWith('n/a')).length
  const title = `${passed} of ${plural(applicable, 'run')} passed`
  const body = html`<header class="verdict ${passed === applicable ? 'pass' : 'fail'}"><h1>${title}</h1></header>
<section id="scenarios"><h2>Scenarios by system</h2>${table([{ head: 'Scenario' }, ...systems.map((head) => ({ head }))], rows)}</section>`
  return pageOf({ title, body, charts: [], speed: 1 })
}

function hasPassed({ instead, results }: TableRun): boolean {
  return instead === null && results?.verdict === 'pass'
}

function pageCell({ runDir, results, instead }: TableRun, outDir: string): Html {
  if (instead !== null || results === null) return html`<div>${instead}</div>`
  const { verdict } = results
  return html`<div><a href="${linkTo(runDir, outDir)}"><span class="badge ${verdict}">${verdict.toUpperCase()}</span></a> ${verdict !== 'pass' && whyNot(results)}</div>`
}

/** A link that works wherever the folder is moved to. */
export function linkTo(runDir: string, fromDir: string): string {
  return relative(fromDir, join(runDir, 'report.html')).split('/').map(encodeURIComponent).join('/')
}
