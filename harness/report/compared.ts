// Runs of one scenario on several systems, as they are compared: those that `compare` made, or those that lie below a
// run's own folder because it was told to compare itself.
import { existsSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { ReportModel } from './model.ts'
import { readModel } from './read-model.ts'

export interface ComparedRun {
  readonly runDir: string
  readonly model: ReportModel
}

/** All runs of one system; the first one stands for it in the charts. */
export interface ComparedSystem {
  readonly system: string
  readonly runs: readonly [ComparedRun, ...ComparedRun[]]
}

/** What is put side by side, the system under test first, and the folder that links start from. */
export interface Comparison {
  readonly systems: readonly ComparedSystem[]
  readonly fromDir: string
}

/** Runs grouped by their system, in the order in which each first comes. */
export function bySystem(runs: readonly ComparedRun[]): ComparedSystem[] {
  const groups = Map.groupBy(runs, (run) => run.model.results.system)
  return [...groups].map(([system, [first, ...rest]]) => ({ system, runs: [first!, ...rest] }))
}

/** Where the runs to compare a run with are, a folder a system. */
export function comparedDir(runDir: string): string {
  return join(runDir, 'compared')
}

/** The run beside those below its folder, read from their histories; null when there are none. */
export async function comparisonOf(runDir: string, model: ReportModel): Promise<Comparison | null> {
  const others: ComparedSystem[] = []
  for (const otherDir of await comparedRunDirs(runDir)) {
    const other = { runDir: otherDir, model: await readModel(otherDir) }
    others.push({ system: other.model.results.system, runs: [other] })
  }
  others.sort((a, b) => startOf(a).localeCompare(startOf(b)))
  const own: ComparedSystem = { system: model.results.system, runs: [{ runDir, model }] }
  return others.length === 0 ? null : { systems: [own, ...others], fromDir: runDir }
}

/** In the order in which they were asked for. */
function startOf({ runs: [{ model }] }: ComparedSystem): string {
  return model.results.startedAt
}

/** Folders that hold a history. */
async function comparedRunDirs(runDir: string): Promise<string[]> {
  const folder = comparedDir(runDir)
  if (!existsSync(folder)) return []
  const names = await readdir(folder)
  return names.map((name) => join(folder, name)).filter((dir) => existsSync(join(dir, 'history.ndjson.gz')))
}
