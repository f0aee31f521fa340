// Rebuilds everything a run leaves behind from its history alone, and from those of the runs it was compared with:
// results.json, report.html, report.md with its charts, and junit.xml.
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Results } from '../history/results.ts'
import { chartSvg, standaloneSvg } from './charts/svg.ts'
import { type Comparison, comparisonOf } from './compared.ts'
import { junitXml } from './junit.ts'
import { reportMarkdown } from './markdown.ts'
import type { ReportModel } from './model.ts'
import { palette, reportPage } from './page.ts'
import { comparedResult } from './ratios.ts'
import { readModel } from './read-model.ts'
import { chartsOf } from './sections/charts.ts'
import { comparisonCharts, comparisonMarkdown } from './sections/comparison.ts'

export interface WrittenReports {
  readonly results: Results
  readonly model: ReportModel
  readonly comparison: Comparison | null
  /** Path of report.html. */
  readonly htmlPath: string
}

/** Reads `history.ndjson.gz` in the run's folder. Rejects when it can't be opened or the folder can't be written. */
export async function writeReports(runDir: string): Promise<WrittenReports> {
  const model = await readModel(runDir)
  const comparison = await comparisonOf(runDir, model)
  const results = { ...model.results, ...(comparison && { comparison: compared(comparison, model) }) }
  const { overlays, forests } = comparison ? comparisonCharts(comparison) : { overlays: [], forests: [] }
  const charts = [...Object.values(chartsOf(model)).flat(), ...forests, ...overlays]
  const drawn = new Map(charts.map((chart) => [chart.id, chartSvg(chart, results.speed)]))
  const htmlPath = join(runDir, 'report.html')
  await mkdir(join(runDir, 'charts'), { recursive: true })
  await Promise.all([
    writeFile(join(runDir, 'results.json'), `${JSON.stringify(results, null, 2)}\n`),
    writeFile(
      htmlPath,
      reportPage(model, comparison, (chart) => drawn.get(chart.id)!),
    ),
    writeFile(
      join(runDir, 'report.md'),
      reportMarkdown(model, comparison && comparisonMarkdown(comparison), charts, ({ id }) => chartFile(id)),
    ),
    writeFile(join(runDir, 'junit.xml'), junitXml(model)),
    ...[...drawn].map(([id, svg]) => writeFile(join(runDir, chartFile(id)), standaloneSvg(svg, palette()))),
  ])
  return { results, model, comparison, htmlPath }
}

function compared({ systems, fromDir }: Comparison, model: ReportModel) {
  return systems.slice(1).map(({ runs: [run] }) => comparedResult(run, model, fromDir))
}

function chartFile(id: string): string {
  return `charts/${id}.svg`
}
