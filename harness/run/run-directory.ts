// The folder of a run: made, written over when an earlier run's report is in it, and never more of it touched than that.
import { accessSync, constants, existsSync, mkdirSync, readdirSync, rmdirSync, rmSync } from 'node:fs'
import path from 'node:path'
import { UsageError } from '../errors.ts'
import { type RunOptions, reportsDir } from './options.ts'

/** Everything else is computed from it, so a folder that has it is a run's. */
export const historyFile = 'history.ndjson.gz'

/** What a run leaves in its folder. */
const belongings = [
  historyFile,
  'report.html',
  'report.md',
  'results.json',
  'junit.xml',
  'charts',
  'logs',
  'compared',
]

/**
 * Makes the run's folder, empty but for what others put there beside an earlier run, which it replaces. Throws a
 * UsageError when it can't be written, or holds things and no run.
 */
export function makeRunDirectory(options: RunOptions, scenario: string, startedAt: Date): string {
  const stamp = startedAt.toISOString().replace(/[:.]/g, '-')
  const dir = options.out ?? path.join(reportsDir, scenario, stamp)
  if (holdsOtherThings(dir)) {
    throw new UsageError(
      `the folder ${dir} holds something other than a run and is left as it is; give another --out`,
    )
  }
  try {
    makeFolders(dir)
    accessSync(dir, constants.W_OK)
    removeBelongings(dir)
    makeFolders(path.join(dir, 'logs'))
  } catch (error) {
    throw new UsageError(
      `can't write the report to ${dir}: ${(error as NodeJS.ErrnoException).code}; give another --out`,
    )
  }
  return dir
}

/** Removes a run that was refused in the end, and its folder when nothing else is in it. */
export function removeRun(dir: string): void {
  removeBelongings(dir)
  if (readdirSync(dir).length === 0) rmdirSync(dir)
}

function removeBelongings(dir: string): void {
  for (const name of belongings) rmSync(path.join(dir, name), { recursive: true, force: true })
}

function holdsOtherThings(dir: string): boolean {
  try {
    const names = readdirSync(dir)
    return names.length > 0 && !names.includes(historyFile)
  } catch {
    return false
  }
}

/** One folder after the other: Node's own recursive mkdir never returns under /proc. */
function makeFolders(dir: string): void {
  if (existsSync(dir)) return
  makeFolders(path.dirname(dir))
  mkdirSync(dir)
}
