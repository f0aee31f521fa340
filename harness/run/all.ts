// `scenarios/all.mjs`: every scenario on every system asked for, one table, the worst exit code.
import path from 'node:path'
import { Command, CommanderError } from 'commander'
import { exitCodes, messageOf, UsageError } from '../errors.ts'
import { writeScenarioTable } from '../report/scenario-table.ts'
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
  const finished = ends.flatMap((end) => end.finished ?? [])
  const { htmlPath, markdown } = await writeScenarioTable(finished, outDir)
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

const { pass, unknown, fail, usage, crash, interrupted } = exitCodes
const byGravity: readonly number[] = [pass, unknown, fail, crash, interrupted]

/**
 * The gravest of the runs' ends. One that was refused (254: no program for it here, nothing for its fault to act on)
 * proved nothing and counts as unknown.
 */
export function worstExitCode(ends: readonly Pick<RunEnd, 'exitCode'>[]): number {
  const rank = (code: number) => (byGravity.includes(code) ? byGravity.indexOf(code) : byGravity.length)
  const codes = ends.map(({ exitCode }) => (exitCode === usage ? unknown : exitCode))
  return codes.reduce((worst: number, code) => (rank(code) > rank(worst) ? code : worst), pass)
}
