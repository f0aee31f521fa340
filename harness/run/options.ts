// The scenario command line: flags in, a checked plan out. Every mistake is a UsageError before anything starts.
import { existsSync, statSync } from 'node:fs'
import path from 'node:path'
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander'
import { messageOf, NotApplicable, UsageError } from '../errors.ts'
import { allFaultNames } from '../faults/catalogue.ts'
import { parseSchedule, type RandomSchedule } from '../faults/random-schedule.ts'
import { defaultDollarsPerGb } from '../history/results.ts'
import { isOriginFolder } from '../origins/attach.ts'
import { originChoice } from '../origins/handle.ts'
import { durationText, parseDuration } from '../units.ts'
import { addRunningOptions, type RunningDeployment, type RunningFlags, runningDeployment } from './running.ts'

/** Where runs leave their folders unless --out says otherwise. */
export const reportsDir = path.resolve(import.meta.dirname, '../../reports')

/** What a scenario brings as its own defaults; flags override them. */
export interface ScenarioDefaults {
  readonly speed: number
  readonly ratePerSecond: number
  /** Calendar length of the fault, seconds; null when nothing in the story has one, and there is no `--duration`. */
  readonly durationSeconds: number | null
  /** Where the objects are, when not in s3rver. */
  readonly origin?: string
  /** Sizes of known objects beside those of the data set, bytes; an origin that runs already or is elsewhere has none. */
  readonly largeObjects?: readonly number[]
  /** How much the caches may store, as a configuration file says it; "2g" when nothing is said. */
  readonly storeSize?: string
  /** What S3 gives one client at the most, all its connections together, bytes a second. Offers `--throttle`. */
  readonly throttle?: number
  /** Its faults are drawn from the seed. Offers `--faults`, to play given ones in their place. */
  readonly drawsFaults?: true
  /** Systems that the same story is run on afterwards where their programs are installed; `--compare-with` overrides it. */
  readonly compareWith?: readonly string[]
}

export interface RunOptions {
  readonly system: string
  /** The user's own configurations, by the name of the file in the system's description that each replaces. */
  readonly ownFiles: Readonly<Record<string, string>>
  readonly origin: string
  readonly toxiproxy: string
  readonly speed: number
  readonly ratePerSecond: number
  readonly seed: number
  readonly durationSeconds: number
  /** The run's folder, when the user names one. */
  readonly out: string | null
  readonly dataset: string | null
  readonly quiet: boolean
  /** Serve the report on loopback while the run lasts. */
  readonly live: boolean
  /** What `--system URL` names, when it is one. */
  readonly running: RunningDeployment | null
  /** Systems to compare with, as the user listed them; null leaves it to the scenario. */
  readonly compareWith: string | null
  /** Dollars for a GB (10^9 bytes) out of S3, for the report. */
  readonly dollarsPerGb: number
  readonly largeObjects?: readonly number[]
  readonly storeSize?: string
  /** The faults to play in place of those drawn from the seed. */
  readonly faults?: RandomSchedule
  /** Bytes a second; absent in scenarios that throttle nothing. */
  readonly throttle?: number
}

/** Parses a scenario's arguments. Prints the help and exits 0 for --help; throws UsageError for anything wrong. */
export function parseRunOptions(
  scenario: string,
  story: string,
  defaults: ScenarioDefaults,
  argv: string[],
): RunOptions {
  const command = scenarioCommand(scenario, story, defaults)
  if (defaults.durationSeconds === null && argv.some((word) => /^--duration(=|$)/.test(word))) {
    throw new NotApplicable(
      `--duration: no fault of ${scenario} has a length that could be set`,
      'length to set',
    )
  }
  try {
    command.parse(argv, { from: 'user' })
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    if (error.exitCode === 0) process.exit(0)
    throw new UsageError(`${error.message.replace(/^error: /, '')} (see --help)`)
  }
  const flags = command.opts()
  const options: RunOptions = {
    system: flags.system,
    ownFiles: {
      ...(flags.nginxConf && { 'nginx.conf': path.resolve(flags.nginxConf) }),
      ...(flags.haproxyCfg && { 'haproxy.cfg': path.resolve(flags.haproxyCfg) }),
    },
    origin: flags.origin,
    toxiproxy: flags.toxiproxy,
    speed: flags.speed,
    ratePerSecond: flags.rate,
    seed: flags.seed,
    durationSeconds: flags.duration ?? 0,
    out: flags.out ? path.resolve(flags.out) : null,
    dataset: flags.dataset ? path.resolve(flags.dataset) : null,
    quiet: flags.quiet ?? false,
    live: flags.live ?? false,
    compareWith: flags.compareWith ?? null,
    dollarsPerGb: flags.price,
    running: runningDeployment(command.opts<RunningFlags>()),
    ...(defaults.largeObjects && { largeObjects: defaults.largeObjects }),
    ...(defaults.storeSize && { storeSize: defaults.storeSize }),
    ...(flags.faults && { faults: flags.faults }),
    ...(flags.throttle !== undefined && { throttle: flags.throttle }),
  }
  if (options.dataset) requireDirectory('--dataset', options.dataset)
  if (options.dataset && isOriginFolder(path.resolve(options.origin))) {
    throw new UsageError(
      '--dataset: the origin that runs already has its objects; give it to npx breakwater origin',
    )
  }
  return options
}

function scenarioCommand(scenario: string, story: string, defaults: ScenarioDefaults): Command {
  const command = new Command(`npx zx scenarios/${scenario}.mjs`)
    .description(story)
    .option(
      '--system <name>',
      'reference, nginx-haproxy, nginx-haproxy-tuned, direct, FILE.yaml, or the URL of a deployment that runs already',
      'reference',
    )
    .option('--nginx-conf <file>', "your own nginx.conf in place of the system's, with the same placeholders")
    .option(
      '--haproxy-cfg <file>',
      "your own haproxy.cfg in place of the system's, with the same placeholders",
    )
    .option(
      '--compare-with <systems>',
      'systems, with commas between, that the same story is run on afterwards, for comparison in the report; none for no other',
    )
    .option(
      '--origin <kind>',
      's3rver, synthetic, https://HOST/BUCKET, or the folder of a running `breakwater origin`',
      originFlag,
      defaults.origin ?? 's3rver',
    )
    .option('--toxiproxy <which>', 'auto, embedded, PATH or URL', 'auto')
    .option('--speed <n>', 'divides calendar durations', positiveNumber, defaults.speed)
    .option('--rate <n>', 'arrivals a second', positiveNumber, defaults.ratePerSecond)
    .option('--seed <n>', 'decides arrivals, popularity and chance', wholeNumber, 1)
    .option('--price <dollars>', 'for a GB out of S3, in the report', positiveNumber, defaultDollarsPerGb)
    .option('--dataset <dir>', 'your own files as the objects')
    .option('--out <dir>', 'the folder for this run (default: reports/NAME/TIME)')
    .option('--quiet', 'only the summary')
    .option('--live', 'serve the report on loopback while the run lasts')
    .allowExcessArguments(false)
    .exitOverride()
    .configureOutput({ writeErr: () => {} })
  if (defaults.durationSeconds !== null) {
    const option = new Option('--duration <time>', 'calendar length of the fault, such as 3h')
    const { durationSeconds: seconds } = defaults
    command.addOption(option.argParser(calendarSeconds).default(seconds, durationText(seconds)))
  }
  if (defaults.throttle !== undefined) {
    const what = 'bytes a second that S3 gives one client, all its connections together'
    command.option('--throttle <n>', what, positiveNumber, defaults.throttle)
  }
  if (defaults.drawsFaults) {
    const what =
      'faults in place of those drawn from the seed, as a failed run prints them: NAME:START-END:STRENGTH,…'
    command.option('--faults <list>', what, faultList)
  }
  return addRunningOptions(command)
}

function positiveNumber(text: string): number {
  const value = Number(text)
  if (!Number.isFinite(value) || value <= 0) throw new InvalidArgumentError('Expected a positive number.')
  return value
}

function wholeNumber(text: string): number {
  const value = Number(text)
  if (!Number.isSafeInteger(value) || value < 0) throw new InvalidArgumentError('Expected a whole number.')
  return value
}

function calendarSeconds(text: string): number {
  const ms = parseDuration(text)
  if (ms === null || ms <= 0) throw new InvalidArgumentError('Expected a duration such as 3h, 2h57m or 90s.')
  return ms / 1000
}

function faultList(text: string): RandomSchedule {
  try {
    return parseSchedule(text, allFaultNames)
  } catch (error) {
    throw new InvalidArgumentError(messageOf(error))
  }
}

function originFlag(text: string): string {
  if (isOriginFolder(path.resolve(text))) return text
  try {
    originChoice(text)
  } catch (error) {
    throw new UsageError(`${messageOf(error)}, where no \`npx breakwater origin\` runs either`)
  }
  return text
}

function requireDirectory(flag: string, dir: string): void {
  if (!existsSync(dir) || !statSync(dir).isDirectory()) {
    throw new UsageError(`${flag}: there is no folder ${dir}`)
  }
}
