// A run's history, read once, as the model its report is drawn from.
import { join } from 'node:path'
import type { HistoryLine } from '../history/events.ts'
import { readHistory } from '../history/reader.ts'
import { resultsOf } from '../history/results.ts'
import { summarise } from '../history/summary.ts'
import { ModelBuilder, type ReportModel } from './model.ts'

/** Memory does not grow with the run's length. Rejects when `history.ndjson.gz` can't be opened. */
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
