// Rebuilds everything a run leaves behind from its history alone: results.json, report.html, report.md with its
// charts, and junit.xml.
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { HistoryLine } from '../history/events.ts'
import { readHistory } from '../history/reader.ts'
import { type Results, resultsOf } from '../history/results.ts'
import { summarise } from '../history/summary.ts'
import { chartSvg, standaloneSvg } from './charts/svg.ts'
import { junitXml } from './junit.ts'
import { reportMarkdown } from './markdown.ts'
import { ModelBuilder, type ReportModel } from './model.ts'
import { palette, reportPage } from './page.ts'
import { chartsOf } from './sections/charts.ts'

export interface WrittenReports {
  readonly results: Results
  readonly model: ReportModel
  /** Path of report.html. */
  readonly htmlPath: string
}

/** Reads `history.ndjson.gz` in the run's folder. Rejects when it can't be opened or the folder can't be written. */
export async function writeReports(runDir: string): Promise<WrittenReports> {
  const model = await readModel(runDir)
  const charts = Object.values(chartsOf(model)).flat()
  const drawn = new Map(charts.map((chart) => [chart.id, chartSvg(chart, model.results.speed)]))
  const htmlPath = join(runDir, 'report.html')
  await mkdir(join(runDir, 'charts'), { recursive: true })
  await Promise.all([
    writeFile(join(runDir, 'results.json'), `${JSON.stringify(model.results, null, 2)}\n`),
    writeFile(
      htmlPath,
      reportPage(model, (chart) => drawn.get(chart.id)!),
    ),
    writeFile(
      join(runDir, 'report.md'),
      reportMarkdown(model, charts, ({ id }) => chartFile(id)),
    ),
    writeFile(join(runDir, 'junit.xml'), junitXml(model)),
    ...[...drawn].map(([id, svg]) => writeFile(join(runDir, chartFile(id)), standaloneSvg(svg, palette()))),
  ])
  return { results: model.results, model, htmlPath }
}

/** The run's history as a report's model; memory does not grow with its length. */
export async function readModel(runDir: string): Promise<ReportModel> {
  const builder = new ModelBuilder()
  const summary = await summarise(alsoTo(builder, readHistory(join(runDir, 'history.ndjson.gz'))))
  return builder.snapshot(summary, resultsOf(summary))
}

/** A line that makes no sense is told by `summarise` as a doubt, so it is only left out here. */
async function* alsoTo(
  builder: ModelBuilder,
  lines: AsyncIterable<HistoryLine>,
): AsyncGenerator<HistoryLine> {
  for await (const line of lines) {
    try {
      builder.add(line)
    } catch {}
    yield line
  }
}

function chartFile(id: string): string {
  return `charts/${id}.svg`
}
