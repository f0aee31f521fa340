// Runs scenario scripts one after another, each in a process and a folder of its own: what `compare` and `all` share.
import { type ChildProcess, spawn } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { constants } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { exitCodes, UsageError } from '../errors.ts'
import type { FinishedRun } from '../report/scenario-table.ts'
import { requirePrograms } from '../systems/programs.ts'
import { loadSystem } from '../systems/system.ts'
import { parseRunOptions, reportsDir } from './options.ts'
import { hearRefusal, type Refusal } from './refusal.ts'
import { isUrl, withoutRunningFlags } from './running.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const zx = path.join(root, 'node_modules/zx/build/cli.js')

/** The scripts in scenarios/, without the one that runs them all. */
export function scenarioNames(): string[] {
  return readdirSync(path.join(root, 'scenarios'))
    .filter((name) => name.endsWith('.mjs') && name !== 'all.mjs')
    .map((name) => path.basename(name, '.mjs'))
}

/** A comma-separated list. @throws UsageError when it is empty or names something twice. */
export function parseList(flag: string, text: string): string[] {
  const names = text.split(',').map((name) => name.trim())
  if (names.includes('')) throw new UsageError(`${flag}: expected names with commas between, got "${text}"`)
  const twice = names.find((name, i) => names.indexOf(name) !== i)
  if (twice) throw new UsageError(`${flag}: "${twice}" is there twice`)
  return names
}

/** With every flag that some scenario offers. */
const anyDefaults = {
  speed: 1,
  ratePerSecond: 1,
  durationSeconds: 1,
  throttle: 1,
  drawsFaults: true,
} as const

/** Each system's runs lie in folders of its name. @throws UsageError when two would share them. */
export function requireDistinctFolders(flag: string, systems: readonly string[]): void {
  const folders = systems.map(folderName)
  const second = folders.findIndex((folder, i) => folders.indexOf(folder) !== i)
  if (second === -1) return
  const [a, b] = [systems[folders.indexOf(folders[second]!)], systems[second]]
  throw new UsageError(`${flag}: the runs of ${a} and ${b} would share one folder; rename a file`)
}

/** @throws UsageError for what every one of the runs would refuse, before the first one starts. */
export function checkPlan(scenarios: readonly string[], systems: readonly string[], flags: string[]): void {
  const names = scenarioNames()
  const stranger = scenarios.find((name) => !names.includes(name))
  if (stranger) throw new UsageError(`there is no scenario "${stranger}"; there are ${names.join(', ')}`)
  if (flags.some((flag) => /^--system(=|$)/.test(flag))) {
    throw new UsageError('--system is for one run; here --systems lists them')
  }
  if (flags.some((flag) => /^--compare-with(=|$)/.test(flag))) {
    throw new UsageError('--compare-with is for one run; here --systems lists what is compared')
  }
  requireDistinctFolders('--systems', systems)
  for (const system of systems) {
    if (!isUrl(system)) requirePrograms(loadSystem(system, '--systems'), '--systems')
    const own = [...flagsFor(system, flags), '--system', system]
    parseRunOptions('NAME', '', anyDefaults, own)
  }
}

/** What says which processes and links are a running deployment's own is for that system alone. */
function flagsFor(system: string, flags: readonly string[]): readonly string[] {
  return isUrl(system) ? flags : withoutRunningFlags(flags)
}

export interface PlannedRun {
  readonly scenario: string
  readonly system: string
  readonly runDir: string
  readonly flags: readonly string[]
}

/** How a planned run ended. */
export interface RunEnd extends ScriptEnd {
  readonly plan: PlannedRun
  /** null when the run left no results. */
  readonly finished: FinishedRun | null
}

/** Plays them in order, output to this terminal; one that crashes ends only itself, an interruption ends them all. */
export async function runInTurn(plans: readonly PlannedRun[]): Promise<RunEnd[]> {
  const ends: RunEnd[] = []
  for (const [i, plan] of plans.entries()) {
    console.log(`\n${i + 1} of ${plans.length}: ${plan.scenario} on ${plan.system}`)
    const end = await runScript(scriptOf(plan.scenario), plan)
    ends.push({ ...end, plan, finished: await finishedRun(plan.runDir) })
    if (end.exitCode === exitCodes.interrupted) break
  }
  return ends
}

export interface ScriptEnd {
  readonly exitCode: number
  /** Why nothing was started, when that is what the exit code means. */
  readonly refusal: Refusal | null
}

function scriptOf(scenario: string): string {
  return path.join(root, 'scenarios', `${scenario}.mjs`)
}

/** Runs one script in a process of its own, as a run that compares with nothing itself; resolves with how it ended. */
export async function runScript(
  script: string,
  { system, runDir, flags }: Omit<PlannedRun, 'scenario'>,
): Promise<ScriptEnd> {
  const own = ['--system', system, '--out', runDir, '--compare-with', 'none']
  const child = spawn(process.execPath, [zx, script, ...flagsFor(system, flags), ...own], {
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
  })
  const refusal = hearRefusal(child)
  let isInterrupted = false
  // The terminal's Ctrl-C reaches the child by itself; what comes by `kill` reaches only this process.
  const ignore = () => {
    isInterrupted = true
  }
  const passOn = (signal: NodeJS.Signals) => {
    isInterrupted = true
    child.kill(signal)
  }
  process.on('SIGINT', ignore).on('SIGTERM', passOn).on('SIGHUP', passOn)
  try {
    const exitCode = await exitCodeOf(child)
    return { exitCode: isInterrupted ? exitCodes.interrupted : exitCode, refusal: refusal() }
  } finally {
    process.off('SIGINT', ignore).off('SIGTERM', passOn).off('SIGHUP', passOn)
  }
}

/** Resolves when it has ended and nothing it said is still under way. */
function exitCodeOf(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) => resolve(code ?? 128 + (signal ? constants.signals[signal] : 0)))
  })
}

/** A run that died while it wrote leaves nothing that counts. */
async function finishedRun(runDir: string): Promise<FinishedRun | null> {
  const file = path.join(runDir, 'results.json')
  try {
    return { runDir, results: JSON.parse(await readFile(file, 'utf8')) }
  } catch {
    return null
  }
}

/** Where the runs of one command go: below `out`, or below reports/ by the command's name and the time. */
export function groupFolder(out: string | undefined, name: string): string {
  const stamp = new Date().toISOString().replace(/[:.]/g, '-')
  return out ? path.resolve(out) : path.join(reportsDir, name, stamp)
}

/** A system's name as part of a folder's name. */
export function folderName(system: string): string {
  return path.basename(system).replace(/\.ya?ml$/, '')
}
