// Writes a run's reports and says in the terminal what came of it: the end of every run, and of `report` and `check`.
import path from 'node:path'
import { CannotWrite } from '../errors.ts'
import type { Results } from '../history/results.ts'
import { terminalSummary, wantsColour } from './terminal.ts'
import { type WrittenReports, writeReports } from './write.ts'

/** Prints the summary to standard output; resolves with the results. */
export async function presentRun(runDir: string): Promise<Results> {
  const { results, model, comparison, htmlPath } = await written(runDir)
  console.log(terminalSummary(model, comparison, path.relative('', htmlPath), wantsColour(process.stdout)))
  return results
}

async function written(runDir: string): Promise<WrittenReports> {
  try {
    return await writeReports(runDir)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).syscall === undefined) throw error
    const remedy = `its history is there: once that is mended, npx breakwater report ${path.relative('', runDir)}`
    throw new CannotWrite(`the report to ${runDir}`, error as Error, remedy)
  }
}
