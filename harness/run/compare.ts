// `breakwater compare`: one scenario on several systems with the same seed, interleaved by round, so that a slow moment
// of the machine meets all of them alike.
import path from 'node:path'
import { exitCodes, UsageError } from '../errors.ts'
import { writeComparison } from '../report/comparison.ts'
import { checkPlan, folderName, groupFolder, type PlannedRun, parseList, runInTurn } from './scripts.ts'

export interface CompareOptions {
  readonly systems: string
  readonly rounds: string
  readonly out?: string
}

/**
 * Writes comparison.html and comparison.md beside the runs' folders and says where. Resolves with the exit code: 0 when
 * every run came to its end, whatever its verdict; otherwise that of the run which did not.
 */
export async function compare(scenario: string, flags: string[], options: CompareOptions): Promise<number> {
  const systems = parseList('--systems', options.systems)
  const rounds = parseRounds(options.rounds)
  checkPlan([scenario], systems, flags)
  const outDir = groupFolder(options.out, `compare-${scenario}`)
  const ends = await runInTurn(planRounds(scenario, systems, rounds, flags, outDir))
  const runDirs = ends.flatMap(({ finished }) => (finished ? [finished.runDir] : []))
  if (runDirs.length > 0) {
    const { htmlPath, markdown } = await writeComparison(runDirs, outDir)
    console.log(`\n${markdown}\n\nComparison: ${path.relative('', htmlPath)}`)
  }
  return ends.find(({ exitCode }) => exitCode > exitCodes.unknown)?.exitCode ?? exitCodes.pass
}

/** Every system once in each round. */
export function planRounds(
  scenario: string,
  systems: readonly string[],
  rounds: number,
  flags: readonly string[],
  outDir: string,
): PlannedRun[] {
  return Array.from({ length: rounds }, (_, round) =>
    systems.map((system) => {
      const runDir = path.join(outDir, `${folderName(system)}-${round + 1}`)
      return { scenario, system, runDir, flags }
    }),
  ).flat()
}

function parseRounds(text: string): number {
  const rounds = Number(text)
  if (Number.isSafeInteger(rounds) && rounds > 0) return rounds
  throw new UsageError(`--rounds: expected a positive whole number, got "${text}"`)
}
