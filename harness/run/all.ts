// `scenarios/all.mjs`: every scenario on every system asked for, one table, the worst exit code.
import path from 'node:path'
import { Command, CommanderError } from 'commander'
import { exitCodes, messageOf, UsageError } from '../errors.ts'
import { type TableRun, writeScenarioTable } from '../report/scenario-table.ts'
import type { Refusal } from './refusal.ts'
import {
  checkPlan,
  folderName,
  groupFolder,
  type PlannedRun,
  parseList,
  type RunEnd,
  runInTurn,
  scenarioNames,
} from './scripts.ts'

/** Tells another story with every seed, so it is run when it is named. */
const onlyWhenNamed = 'random-faults'

interface AllOptions {
  readonly systems: string
  readonly scenarios: string
  readonly out?: string
}

/** Runs them all; resolves with the exit code. Prints one line for what the user can mend. */
export async function runAll(argv: string[]): Promise<number> {
  try {
    const command = allCommand()
    command.parse(argv, { from: 'user' })
    return await runEvery(command.opts<AllOptions>(), command.args)
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return exitCodes.pass
    if (!(error instanceof UsageError || error instanceof CommanderError)) throw error
    console.error(`breakwater: ${messageOf(error).replace(/^error: /, '')}`)
    return exitCodes.usage
  }
}

function allCommand(): Command {
  const usual = scenarioNames().filter((name) => name !== onlyWhenNamed)
  return new Command('npx zx scenarios/all.mjs')
    .description('Every scenario on every system, one table. Other flags are passed to each run.')
    .option('--systems <list>', 'names or files with commas between', 'reference')
    .option('--scenarios <list>', `names with commas between, of these and ${onlyWhenNamed}`, usual.join(','))
    .option('--out <dir>', 'the folder for the runs and the table (default: reports/all/TIME)')
    .allowUnknownOption()
    .allowExcessArguments()
    .exitOverride()
    .configureOutput({ writeErr: () => {} })
}

async function runEvery(options: AllOptions, flags: string[]): Promise<number> {
  const systems = parseList('--systems', options.systems)
  const scenarios = parseList('--scenarios', options.scenarios)
  checkPlan(scenarios, systems, flags)
  const outDir = groupFolder(options.out, 'all')
  const ends = await runInTurn(planAll(scenarios, systems, flags, outDir))
  const { htmlPath, markdown } = await writeScenarioTable(ends.map(tableRun), outDir)
  console.log(`\n${markdown}\n\nTable: ${path.relative('', htmlPath)}`)
  return worstExitCode(ends)
}

/** Scenario by scenario, so that the systems of a row are measured close together. */
export function planAll(
  scenarios: readonly string[],
  systems: readonly string[],
  flags: readonly string[],
  outDir: string,
): PlannedRun[] {
  return scenarios.flatMap((scenario) =>
    systems.map((system) => {
      const runDir = path.join(outDir, `${scenario}-${folderName(system)}`)
      return { scenario, system, runDir, flags }
    }),
  )
}

/** What the table says of a run: its results, or why there are none. */
function tableRun({ plan, exitCode, refusal, finished }: RunEnd): TableRun {
  const run = { scenario: plan.scenario, system: folderName(plan.system), runDir: plan.runDir }
  const results = finished?.results ?? null
  if (refusal) return { ...run, results: null, instead: insteadOf(refusal) }
  if (exitCode === exitCodes.interrupted) return { ...run, results, instead: 'interrupted' }
  if (exitCode > exitCodes.unknown) return { ...run, results, instead: `crashed (exit code ${exitCode})` }
  return { ...run, results, instead: results ? null : 'left no results' }
}

function insteadOf({ lacks, reason }: Refusal): string {
  return lacks === null ? `refused: ${reason}` : `n/a: no ${lacks}`
}

const { pass, unknown, fail, usage, crash, interrupted } = exitCodes
const byGravity: readonly number[] = [pass, unknown, fail, crash, interrupted]

/**
 * The gravest of the runs' ends. Where the system has no part for a scenario to act on, nothing was to be proved, and the
 * run doesn't count; one that was refused for another reason (254) proved nothing and counts as
 * unknown, as does a table in which no run counts.
 */
export function worstExitCode(ends: readonly Pick<RunEnd, 'exitCode' | 'refusal'>[]): number {
  const rank = (code: number) => (byGravity.includes(code) ? byGravity.indexOf(code) : byGravity.length)
  const counting = ends.filter(({ refusal }) => !refusal?.lacks)
  if (counting.length === 0) return unknown
  const codes = counting.map(({ exitCode }) => (exitCode === usage ? unknown : exitCode))
  return codes.reduce((worst: number, code) => (rank(code) > rank(worst) ? code : worst), pass)
}
