// `--compare-with`: when a run has ended, the same story with the same flags on other systems, each in a folder below
// the run's own, where its report finds them. Verdict and exit code stay those of the system under test.
import { join } from 'node:path'
import { exitCodes, UsageError } from '../errors.ts'
import { comparedDir } from '../report/compared.ts'
import { missingPrograms, requirePrograms } from '../systems/programs.ts'
import { loadSystem } from '../systems/system.ts'
import type { RunOptions, ScenarioDefaults } from './options.ts'
import { isUrl } from './running.ts'
import { folderName, parseList, requireDistinctFolders, runScript } from './scripts.ts'

/**
 * The systems to run on afterwards. What the user listed must be there; what only the scenario names is left out, with
 * a line that says so, where its programs are not installed.
 * @throws UsageError for what every one of those runs would refuse.
 */
export function othersToRun(
  { compareWith, system }: Pick<RunOptions, 'compareWith' | 'system'>,
  defaults: Pick<ScenarioDefaults, 'compareWith'>,
  say: (line: string) => void,
): readonly string[] {
  if (compareWith !== null) return listedOthers(compareWith, system)
  // What runs already has an origin and a data set of its own; nobody asked to load these with other systems too.
  if (isUrl(system)) return []
  return (defaults.compareWith ?? []).filter((other) => {
    if (other === system) return false
    const missing = missingPrograms(loadSystem(other))
    if (missing.length > 0) say(`not compared with ${other}: ${missing.join(' and ')} not found on PATH`)
    return missing.length === 0
  })
}

function listedOthers(list: string, system: string): readonly string[] {
  if (list === 'none') return []
  const others = parseList('--compare-with', list)
  requireDistinctFolders('--compare-with', others)
  for (const other of others) {
    if (other === system) throw new UsageError(`--compare-with: ${other} is the system under test itself`)
    requirePrograms(loadSystem(other, '--compare-with'), '--compare-with')
  }
  return others
}

/** These two replace files of the system under test, which the others don't have. */
const ownFileFlags = ['--nginx-conf', '--haproxy-cfg']

/** Plays the script on each of the systems in turn; false when that was interrupted. */
export async function runOnOthers(
  script: string,
  argv: readonly string[],
  systems: readonly string[],
  runDir: string,
): Promise<boolean> {
  for (const [i, system] of systems.entries()) {
    console.log(`\nfor comparison, ${i + 1} of ${systems.length}: the same on ${system}`)
    const otherDir = join(comparedDir(runDir), folderName(system))
    const flags = withoutFlags(argv, ownFileFlags)
    const { exitCode } = await runScript(script, { system, runDir: otherDir, flags })
    if (exitCode === exitCodes.interrupted) return false
  }
  return true
}

/** The command line without the given flags, which take a value each. */
export function withoutFlags(argv: readonly string[], names: readonly string[]): string[] {
  return argv.filter(
    (word, i) => !names.some((name) => word === name || argv[i - 1] === name || word.startsWith(`${name}=`)),
  )
}
