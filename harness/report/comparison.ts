// Several systems judged by the same scenario, side by side, as a page and as Markdown: what `breakwater compare` leaves.
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { availabilityChart } from './charts/availability.ts'
import type { Chart } from './charts/chart.ts'
import { chartSvg } from './charts/svg.ts'
import { bySystem, type ComparedRun, type ComparedSystem, type Comparison } from './compared.ts'
import { plural } from './format.ts'
import { html } from './html.ts'
import { escapeMarkdown } from './markdown-text.ts'
import { pageOf } from './page.ts'
import { readModel } from './read-model.ts'
import { faultList, figure } from './sections/charts.ts'
import { comparisonCharts, comparisonMarkdown, comparisonTables } from './sections/comparison.ts'

/** Reads each run's history and writes `comparison.html` and `comparison.md` into the folder. */
export async function writeComparison(runDirs: readonly string[], outDir: string) {
  const runs: ComparedRun[] = []
  for (const runDir of runDirs) runs.push({ runDir, model: await readModel(runDir) })
  const comparison = { systems: bySystem(runs), fromDir: outDir }
  await mkdir(outDir, { recursive: true })
  const htmlPath = join(outDir, 'comparison.html')
  const markdown = `${titleOf(comparison.systems)}\n\n${comparisonMarkdown(comparison)}`
  await writeFile(join(outDir, 'comparison.md'), `${markdown}\n`)
  await writeFile(htmlPath, comparisonPage(comparison))
  return { htmlPath, markdown }
}

function titleOf(systems: readonly ComparedSystem[]): string {
  const scenario = systems[0]?.runs[0].model.results.scenario ?? 'no scenario'
  return escapeMarkdown(`${scenario} on ${systems.map(({ system }) => system).join(', ')}`)
}

function comparisonPage(comparison: Comparison): string {
  const { systems } = comparison
  const models = systems.map(({ system, runs }) => ({ system, model: runs[0].model }))
  const { overlays, forests } = comparisonCharts(comparison)
  const outcomes = models.flatMap(({ system, model }, i) => {
    const chart = availabilityChart(model)
    return chart ? [namedFor(chart, system, i)] : []
  })
  const charts = [...forests, ...overlays, ...outcomes]
  const speed = models[0]?.model.results.speed ?? 1
  const draw = (chart: Chart) => figure(chart, chartSvg(chart, speed))
  const body = html`<header class="verdict ${systems.every(passes) ? 'pass' : 'unknown'}"><h1>${headline(systems)}</h1></header>
<section id="numbers"><h2>Side by side</h2>${comparisonTables(comparison)}</section>
${forests.length > 0 && html`<section id="ratios"><h2>How sure the differences are</h2>${forests.map(draw)}</section>`}
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
