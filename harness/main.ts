// The `breakwater` command line. Each subcommand loads what it needs when it runs.
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { Command, CommanderError, InvalidArgumentError } from 'commander'
import { CannotWrite, exitCodes, messageOf, UsageError } from './errors.ts'
import { handOver } from './hand-over.mjs'
import { originChoice } from './origins/handle.ts'
import type { CompareOptions } from './run/compare.ts'
import { reportsDir } from './run/options.ts'
import { scenarioNames } from './run/scripts.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const runnable = [...scenarioNames(), 'all']

const program = new Command('breakwater')
  .description('Keep S3 reads flowing while S3 is down, and prove it.')
  .exitOverride()
  .configureOutput({ writeErr: () => {} })

program
  .command('run <scenario> [flags...]')
  .description(`runs a scenario: ${runnable.join(', ')}; its own --help lists the flags`)
  .allowUnknownOption()
  .helpOption(false)
  .action((name: string, flags: string[], _options, command) => {
    if (isHelp(name)) return command.outputHelp()
    if (!runnable.includes(name)) {
      throw new UsageError(`there is no scenario "${name}"; there are ${runnable.join(', ')}`)
    }
    const zx = path.join(root, 'node_modules/zx/build/cli.js')
    return handOver([zx, path.join(root, 'scenarios', `${name}.mjs`), ...flags])
  })

program
  .command('compare <scenario> [flags...]')
  .description('runs a scenario on several systems with the same seed and flags, and compares them')
  .requiredOption('--systems <list>', 'names or files with commas between: reference,nginx-haproxy,direct')
  .option('--rounds <n>', 'times each system is run, in turn', '1')
  .option(
    '--out <dir>',
    'the folder for the runs and the comparison (default: reports/compare-SCENARIO/TIME)',
  )
  .allowUnknownOption()
  .action(async (name: string, flags: string[], options: CompareOptions) => {
    const { compare } = await import('./run/compare.ts')
    process.exitCode = await compare(name, flags, options)
  })

program
  .command('report <run>')
  .description("writes a run's reports anew from its history")
  .action(async (run: string) => {
    const { presentRun } = await import('./report/present.ts')
    await presentRun(await folderOf(run))
  })

program
  .command('check <run>')
  .description("judges a run anew from its history; the exit code is the verdict's")
  .action(async (run: string) => {
    const { presentRun } = await import('./report/present.ts')
    const { verdict } = await presentRun(await folderOf(run))
    process.exitCode = exitCodes[verdict]
  })

program
  .command('runs')
  .description('lists the runs under reports/, newest first')
  .action(async () => {
    const { listRuns, runsText } = await import('./report/runs.ts')
    console.log(runsText(await listRuns(reportsDir), reportsDir))
  })

program
  .command('open [run]')
  .description("opens a run's report in the browser, the newest when none is named")
  .action(async (run?: string) => {
    const { findRun, openInBrowser } = await import('./report/runs.ts')
    const page = path.join(await findRun(reportsDir, run), 'report.html')
    if (!(await openInBrowser(page))) console.log(page)
  })

program
  .command('ceiling <url>')
  .description('the closed-loop maximum of a healthy endpoint by autocannon, and what that can not tell')
  .option('--connections <n>', 'requests in flight at any time', positiveInteger, 10)
  .option('--seconds <n>', 'how long to load it', positiveInteger, 10)
  .action(async (url: string, options: { connections: number; seconds: number }) => {
    const { ceilingText, measureCeiling } = await import('./load/ceiling.ts')
    console.log(ceilingText(await measureCeiling(url, options)))
  })

program
  .command('init-system [file]')
  .description('writes a commented description of a system to start from (default: my-system.yaml)')
  .action(async (file = 'my-system.yaml') => {
    const { initSystem } = await import('./systems/init-system.ts')
    await initSystem(file)
    const word = /^[\w./-]+$/.test(file) ? file : `'${file.replaceAll("'", "'\\''")}'`
    console.log(`wrote ${file}; try it with: npx breakwater run s3-outage --system ${word}`)
  })

program
  .command('origin')
  .description('starts the origin alone on a fixed port, for a deployment that runs already (--system URL)')
  .requiredOption('--port <n>', 'where it listens, on 127.0.0.1', portNumber)
  .option(
    '--origin <kind>',
    's3rver, synthetic, or https://HOST/BUCKET to stand before an S3 of yours',
    's3rver',
  )
  .option('--dataset <dir>', 'your own files as the objects')
  .option('--seed <n>', 'decides synthetic objects and which requests a fault touches', wholeNumber, 1)
  .option(
    '--dir <dir>',
    'a new folder, removed at the end, which --origin of a run then names',
    'breakwater-origin',
  )
  .action(async ({ origin, dataset, ...rest }: OriginFlags) => {
    const { runOriginAlone } = await import('./origins/alone.ts')
    await runOriginAlone({ ...rest, ...originChoice(origin), ...(dataset && { dataset }) })
  })

program
  .command('doctor')
  .description('says what is on this machine and what that enables')
  .action(async () => {
    const { doctor } = await import('./doctor.ts')
    console.log((await doctor()).text)
  })

program
  .command('proxy <role> [flags...]')
  .description('starts the reference system alone: cache, router or both, with --config FILE')
  .allowUnknownOption()
  .helpOption(false)
  .action((role: string, flags: string[], _options, command) => {
    if (isHelp(role)) return command.outputHelp()
    return handOver([path.join(root, 'proxy/main.ts'), role, ...flags])
  })

program
  .command('toxiproxy [flags...]')
  .description('starts the embedded Toxiproxy alone, in place of toxiproxy-server')
  .allowUnknownOption()
  .helpOption(false)
  .action(async (flags: string[]) => {
    const { runToxiproxy } = await import('./toxiproxy/main.ts')
    await runToxiproxy(flags)
  })

interface OriginFlags {
  readonly port: number
  readonly origin: string
  readonly dataset?: string
  readonly seed: number
  readonly dir: string
}

/** Asked of a command that passes its flags on. */
function isHelp(word: string): boolean {
  return word === '--help' || word === '-h'
}

function portNumber(text: string): number {
  const port = Number(text)
  if (/^\d+$/.test(text) && port >= 1 && port <= 65_535) return port
  throw new UsageError(`--port: expected a port from 1 to 65535, got "${text}"`)
}

function wholeNumber(text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text)
  throw new UsageError(`--seed: expected a whole number, got "${text}"`)
}

function positiveInteger(text: string): number {
  if (!/^[1-9]\d{0,5}$/.test(text)) throw new InvalidArgumentError('Expected a positive whole number.')
  return Number(text)
}

/** A run's folder by what a person calls it. */
async function folderOf(run: string): Promise<string> {
  const { findRun } = await import('./report/runs.ts')
  return findRun(reportsDir, run)
}

try {
  await program.parseAsync()
} catch (error) {
  if (error instanceof CommanderError) {
    if (error.code === 'commander.help') console.error(program.helpInformation())
    else if (error.exitCode !== 0)
      console.error(`breakwater: ${error.message.replace(/^error: /, '')} (see --help)`)
    process.exitCode = error.exitCode === 0 ? 0 : exitCodes.usage
  } else if (error instanceof UsageError) {
    console.error(`breakwater: ${messageOf(error)}`)
    process.exitCode = exitCodes.usage
  } else {
    console.error(error instanceof CannotWrite ? `breakwater: ${error.message}` : error)
    process.exitCode = exitCodes.crash
  }
}
