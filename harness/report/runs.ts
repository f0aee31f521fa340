// The runs under a reports folder: listing them, finding one by what a person calls it, and opening its report.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { readdir, readFile, realpath } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { UsageError } from '../errors.ts'
import type { Results } from '../history/results-contract.ts'
import { duration, printable } from './format.ts'

export interface ListedRun {
  /**
   * The folder's name under the reports folder: `s3-outage/2026-11-24T09-00-00`, with one more level for a run of
   * `compare` or `all`.
   */
  readonly id: string
  readonly path: string
  /** Null while a run lasts, or after one that left no results. */
  readonly results: Results | null
}

/** Newest first. A reports folder that is not there holds no runs. */
export async function listRuns(reportsDir: string): Promise<ListedRun[]> {
  const runs: ListedRun[] = []
  for (const id of await runFolders(reportsDir)) {
    const path = join(reportsDir, id)
    runs.push({ id, path, results: await readResults(path) })
  }
  return runs.sort((a, b) => timeOf(b).localeCompare(timeOf(a)))
}

/** Folders that hold a history, two levels down; of one that holds none, those in it. */
async function runFolders(reportsDir: string): Promise<string[]> {
  const found: string[] = []
  const hasHistory = (id: string) => existsSync(join(reportsDir, id, 'history.ndjson.gz'))
  for (const scenario of await foldersIn(reportsDir)) {
    for (const time of await foldersIn(join(reportsDir, scenario))) {
      const id = `${scenario}/${time}`
      const within = hasHistory(id) ? [] : await foldersIn(join(reportsDir, id))
      found.push(...[id, ...within.map((name) => `${id}/${name}`)].filter(hasHistory))
    }
  }
  return found
}

/** Real folders only: `latest` is a link to one that is listed anyway. */
async function foldersIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((error) => {
    if (error.code === 'ENOENT') return []
    throw error
  })
  return entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name)
}

/** Null when there are none or they can't be read: a listing must not fail over one bad folder. */
async function readResults(path: string): Promise<Results | null> {
  try {
    return JSON.parse(await readFile(join(path, 'results.json'), 'utf8'))
  } catch {
    return null
  }
}

function timeOf(run: ListedRun): string {
  return run.results?.startedAt ?? run.id.split('/')[1]!
}

/** One line a run: verdict, name, system, length, reason. */
export function runsText(runs: readonly ListedRun[], reportsDir: string): string {
  if (runs.length === 0) return `No runs in ${reportsDir} yet. Start one: npx zx scenarios/s3-outage.mjs`
  const width = Math.max(...runs.map((run) => run.id.length))
  return runs.map((run) => runLine(run, width)).join('\n')
}

function runLine({ id, results }: ListedRun, width: number): string {
  if (results === null)
    return `${'–'.padEnd(8)} ${id.padEnd(width)}  no results: under way, or rebuild them with: npx breakwater report ${id}`
  const { verdict, system, wallSeconds, reason } = results
  return printable(
    `${verdict.padEnd(8)} ${id.padEnd(width)}  ${system}, ${duration(wallSeconds * 1000)}: ${reason}`,
  )
}

/**
 * The folder of the run that a person means: a path, `NAME/TIME`, `NAME` for its latest, or nothing for the newest of all.
 * Rejects with what to do when there is no such run.
 */
export async function findRun(reportsDir: string, wanted?: string): Promise<string> {
  const places =
    wanted === undefined
      ? []
      : [resolve(wanted), join(reportsDir, wanted), join(reportsDir, wanted, 'latest')]
  const place = places.find((one) => existsSync(join(one, 'history.ndjson.gz')))
  if (place !== undefined) return realpath(place)
  const runs = await listRuns(reportsDir)
  const newest = wanted === undefined ? runs[0] : runs.find((run) => run.id.startsWith(`${wanted}/`))
  if (newest) return newest.path
  const what = wanted === undefined ? 'no run yet' : `no run "${wanted}"`
  throw new UsageError(`there is ${what} in ${reportsDir}; npx breakwater runs lists them`)
}

const openers: Partial<Record<NodeJS.Platform, string>> = {
  darwin: 'open',
  linux: 'xdg-open',
  win32: 'explorer',
}

/**
 * Shows a file or URL in the reader's browser; false when this machine has nothing to open it with. An opener that
 * has not failed within two seconds is taken to show it: some stay as long as the browser does.
 */
export async function openInBrowser(target: string, opener = openers[process.platform]): Promise<boolean> {
  if (opener === undefined) return false
  const child = spawn(opener, [target], { stdio: 'ignore', detached: true })
  const isShown = await new Promise<boolean>((resolve) => {
    const timer = setTimeout(resolve, 2000, true)
    child.once('error', () => resolve(false)).once('exit', (code) => resolve(code === 0))
    child.once('close', () => clearTimeout(timer))
  })
  child.unref()
  return isShown
}
