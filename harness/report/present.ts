// Writes a run's reports and says in the terminal what came of it: the end of every run, and of `report` and `check`.
import path from 'node:path'
import type { Results } from '../history/results.ts'
import { terminalSummary, wantsColour } from './terminal.ts'
import { writeReports } from './write.ts'

/** Prints the summary to standard output; resolves with the results. */
export async function presentRun(runDir: string): Promise<Results> {
  const { results, model, comparison, htmlPath } = await writeReports(runDir)
  console.log(terminalSummary(model, comparison, path.relative('', htmlPath), wantsColour(process.stdout)))
  return results
}
