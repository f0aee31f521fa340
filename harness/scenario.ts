// The life of one scenario run, from its command line to its exit code. `experiment.ts` has what happens in between.
import { mkdtemp, rm, symlink } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { performance } from 'node:perf_hooks'
import type { Measure, Threshold } from './checkers/threshold.ts'
import { CannotWrite, exitCodes, messageOf, NotApplicable, UsageError } from './errors.ts'
import { Run } from './experiment.ts'
import { FaultSet } from './faults/fault-set.ts'
import { readsDiskFaults } from './faults/targets.ts'
import type { HistoryLine } from './history/events.ts'
import { openHistory } from './history/writer.ts'
import { type Generator, startGenerator } from './load/generator.ts'
import type { Workload } from './load/messages.ts'
import { originRegion } from './origins/handle.ts'
import { createLiveView } from './report/live.ts'
import { openLivePage } from './report/live-page.ts'
import { presentRun } from './report/present.ts'
import { type Act, requireActs } from './run/acts.ts'
import { attachDeployment, describeRunning } from './run/attach-deployment.ts'
import { othersToRun, runOnOthers } from './run/compare-with.ts'
import { type DeployHooks, type Deployment, deploy } from './run/deployment.ts'
import { RunEnding, RunStopped } from './run/ending.ts'
import type { Patience } from './run/limit.ts'
import { measureLinkCost } from './run/link-cost.ts'
import { type Observer, observe } from './run/observer.ts'
import { parseRunOptions, type RunOptions, type ScenarioDefaults } from './run/options.ts'
import { tellOfRefusal } from './run/refusal.ts'
import { historyFile, makeRunDirectory, removeRun } from './run/run-directory.ts'
import { runLine } from './run/run-line.ts'
import { orStopped, orUnwound } from './run/stopped.ts'
import { Tally } from './run/tally.ts'
import { UndoStack } from './run/undo.ts'
import type { SystemPart } from './systems/part.ts'
import { requirePrograms } from './systems/programs.ts'
import { loadSystem, type PartDescription, type SystemDescription, withOwnFiles } from './systems/system.ts'

export interface Scenario extends ScenarioDefaults {
  readonly name: string
  /** What breaks and what must hold, in a sentence or two. */
  readonly story: string
  /** Systems without such a part are refused before anything starts. */
  readonly needs?: 'cache' | 'router' | 'failing-disk'
  /** What else it acts on: for a deployment that runs already, options must say where that is. */
  readonly actsOn?: readonly Act[]
  readonly workload?: Partial<Omit<Workload, 'ratePerSecond'>>
  /** A read that is not complete after this long has failed; 5000 when nothing is said. */
  readonly requestTimeoutMs?: number
  readonly thresholds: readonly Threshold[]
}

const defaultWorkload: Omit<Workload, 'ratePerSecond'> = {
  arrivals: 'poisson',
  shares: { neverRead: 0.02, upload: 0.01 },
  popularity: { zipf: 0.9, bigObjectBytes: 8 * 1024 * 1024, bigObjectShare: 0.002 },
  rangeShare: 0.05,
}

/** No request may stay unanswered longer: far above every deadline of the reference system, so that a hang is seen as one. */
const requestTimeoutMs = 5000
const maxInFlight = 2000
/** What is brought up has deadlines of its own; they are shorter than three times this. */
const bringUpMs = 60_000
const reportMs = 60_000

/**
 * Runs a scenario with the flags in `argv`, then the `script` that tells it on the systems to compare with. Resolves with
 * the exit code. Prints one line for what the user can mend. `patience`: how far past its plan anything may go.
 */
export async function runScenario(
  definition: Scenario,
  tell: (run: Run) => Promise<void>,
  argv: string[],
  script: string,
  patience?: Patience,
): Promise<number> {
  try {
    const options = parseRunOptions(definition.name, definition.story, definition, argv)
    const others = othersToRun(options, definition, console.log)
    for (const other of others) requireParts(definition, loadSystem(other))
    const { exitCode, runDir } = await new ScenarioRun(definition, options, patience).run(tell)
    const hasVerdict =
      exitCode === exitCodes.pass || exitCode === exitCodes.fail || exitCode === exitCodes.unknown
    if (others.length === 0 || !hasVerdict) return exitCode
    const cameToTheEnd = await runOnOthers(script, argv, others, runDir)
    console.log()
    await presentRun(runDir)
    return cameToTheEnd ? exitCode : exitCodes.interrupted
  } catch (error) {
    if (error instanceof UsageError) {
      console.error(`breakwater: ${error.message}`)
      await tellOfRefusal(error)
      return exitCodes.usage
    }
    console.error(error instanceof CannotWrite ? `breakwater: ${error.message}` : error)
    return exitCodes.crash
  }
}

/** What this deployment can be judged by: nothing is demanded of a record, a store or processes that it doesn't have. */
function applicable(thresholds: readonly Threshold[], { parts }: Deployment): readonly Threshold[] {
  return thresholds.filter(({ measure }) => isAbout(measure, parts))
}

function isAbout(measure: Measure, parts: readonly SystemPart[]): boolean {
  const some = (has: (part: PartDescription) => unknown) => parts.some(({ description }) => has(description))
  switch (measure.kind) {
    case 'failover':
      return !['detectedMs', 'backMs'].includes(measure.column) || some(tellsOfBackends)
    case 'downtime-error':
      return some(tellsOfBackends)
    case 'memory-growth':
    case 'connections':
      return parts.length > 0
    case 'store-bytes':
      return some(({ store }) => (measure.by === 'disk' ? store : store?.metric))
    default:
      return true
  }
}

/** A cache has none. */
function tellsOfBackends({ role, observe }: PartDescription): boolean {
  return role === 'router' && observe !== undefined
}

function requireParts({ name, needs }: Scenario, system: SystemDescription): void {
  if (needs === undefined || system.parts.some(({ role }) => role === needs)) return
  if (needs === 'failing-disk') {
    if (system.parts.some((part) => part.role === 'cache' && readsDiskFaults(part))) return
    throw new NotApplicable(
      `${name} makes a store fail by a file that the store reads ({disk_faults}), and no cache of the system ${system.name} reads it; choose another --system`,
      'store that can be made to fail',
    )
  }
  throw new NotApplicable(
    `${name} acts on a ${needs}, and the system ${system.name} has no part with \`role: ${needs}\`; choose another --system`,
    needs,
  )
}

/** One run: owns what it opened and undoes it. */
class ScenarioRun {
  readonly #definition: Scenario
  readonly #options: RunOptions
  readonly #undo = new UndoStack()
  readonly #ending: RunEnding
  readonly #startedAt = new Date()
  readonly #runStartNs = process.hrtime.bigint()
  readonly #startMs = performance.now()

  constructor(definition: Scenario, options: RunOptions, patience?: Patience) {
    this.#definition = definition
    this.#options = options
    this.#ending = new RunEnding(this.#undo, patience)
  }

  readonly #nowMs = () => performance.now() - this.#startMs

  async run(tell: (run: Run) => Promise<void>): Promise<{ exitCode: number; runDir: string }> {
    using ending = this.#ending
    const system = this.#systemUnderTest()
    const runDir = makeRunDirectory(this.#options, this.#definition.name, this.#startedAt)
    const view = createLiveView({
      stream: process.stdout,
      speed: this.#options.speed,
      quiet: this.#options.quiet,
    })
    await using page = this.#options.live ? await openLivePage() : null
    if (page) console.log(`live report: ${page.url}`)
    const history = openHistory(path.join(runDir, historyFile), (why) => ending.stop(why.message))
    const tally = new Tally()
    const emit = (line: HistoryLine) => {
      history.write(line)
      tally.add(line)
      view.line(line)
      page?.line(line)
    }
    let broken: unknown = null
    try {
      await orUnwound(ending.signal, this.#play(tell, system, runDir, tally, emit))
    } catch (error) {
      broken = error
      if (!(error instanceof UsageError))
        emit({ type: 'doubt', atMs: this.#nowMs(), reason: messageOf(error) })
    }
    ending.close()
    const notUndone = await this.#undo.run()
    for (const problem of notUndone) emit({ type: 'doubt', atMs: this.#nowMs(), reason: problem })
    emit({ type: 'end', atMs: this.#nowMs(), interrupted: ending.interrupted })
    view.end()
    page?.end()
    ending.limit.awaits('the report to be written', reportMs)
    await history.close()
    if (broken instanceof UsageError) {
      removeRun(runDir)
      throw broken
    }
    return { exitCode: await this.#report(runDir, broken), runDir }
  }

  #systemUnderTest(): SystemDescription {
    const { running, ownFiles, system: named } = this.#options
    const system = withOwnFiles(running ? describeRunning(running) : loadSystem(named), ownFiles)
    if (running) {
      requireActs(this.#definition.name, this.#definition.actsOn ?? [], running)
      return system
    }
    requireParts(this.#definition, system)
    requirePrograms(system, '--system')
    return system
  }

  /** Brings everything up and tells the story. */
  async #play(
    tell: (run: Run) => Promise<void>,
    system: SystemDescription,
    runDir: string,
    tally: Tally,
    emit: (line: HistoryLine) => void,
  ): Promise<void> {
    const workDir = await mkdtemp(path.join(os.tmpdir(), 'breakwater-'))
    this.#undo.add('remove the temporary files', () => rm(workDir, { recursive: true, force: true }))
    const logDir = path.join(runDir, 'logs')
    const { running } = this.#options
    const deployment = running
      ? await attachDeployment(running, this.#options, workDir, logDir, this.#hooks)
      : await deploy(system, this.#options, workDir, logDir, this.#hooks)
    await this.#tell(tell, deployment, tally, emit)
  }

  get #hooks(): DeployHooks {
    return {
      undo: this.#undo,
      onTrouble: this.#ending.stop,
      onStep: (step) => {
        this.#ending.signal.throwIfAborted()
        this.#ending.limit.awaits(`${step} to come up`, bringUpMs)
        if (!this.#options.quiet) console.log(`starting ${step}`)
      },
    }
  }

  async #tell(
    tell: (run: Run) => Promise<void>,
    deployment: Deployment,
    tally: Tally,
    emit: (line: HistoryLine) => void,
  ): Promise<void> {
    const thresholds = applicable(this.#definition.thresholds, deployment)
    const workload = {
      ...defaultWorkload,
      ...this.#definition.workload,
      ratePerSecond: this.#options.ratePerSecond,
    }
    emit(runLine(this.#definition.name, thresholds, this.#options, workload, deployment, this.#startedAt))
    const { signal, limit } = this.#ending
    limit.awaits('what the links cost to be measured', bringUpMs)
    if (!this.#options.running) emit(await measureLinkCost(deployment.toxiproxy, this.#nowMs()))
    limit.awaits('the load generator to come up', bringUpMs)
    const generator = await this.#startGenerator(workload, deployment, emit)
    const startWallMs = this.#startedAt.getTime()
    const watchStores = thresholds.some(({ measure }) => measure.kind === 'store-bytes')
    const observer = observe(deployment, emit, this.#nowMs, startWallMs, watchStores)
    this.#undo.add('stop observing', () => observer.stop())
    const faults = new FaultSet(this.#undo, emit, this.#nowMs)
    signal.throwIfAborted()
    const parts = { options: this.#options, deployment, generator, tally, faults, observer, emit }
    {
      const bounds = { stopped: signal, limit, requestTimeoutMs: this.#requestTimeoutMs }
      await using run = new Run({ ...parts, ...bounds, nowMs: this.#nowMs })
      await tell(run)
    }
    limit.awaits('the last faults to be healed')
    await orStopped(signal, faults.change([]))
    limit.awaits('the load generator to end', this.#requestTimeoutMs)
    await orStopped(signal, generator.end())
    limit.awaits('the books to be closed')
    await orStopped(signal, this.#closeTheBooks(deployment, observer, emit))
  }

  get #requestTimeoutMs(): number {
    return this.#definition.requestTimeoutMs ?? requestTimeoutMs
  }

  async #startGenerator(
    workload: Workload,
    deployment: Deployment,
    emit: (line: HistoryLine) => void,
  ): Promise<Generator> {
    const { origin, entry, originThroughLink } = deployment
    const generator = await startGenerator(
      {
        target: entry,
        hostHeader: origin.host,
        bucket: origin.bucket,
        manifest: origin.manifestFile,
        credentials: { ...origin.credentials, region: originRegion },
        seed: this.#options.seed,
        runStartNs: String(this.#runStartNs),
        workload,
        uploadPrefix: 'uploads/',
        backups: entry === originThroughLink ? [] : ['s3'],
        maxInFlight,
        timeoutMs: this.#requestTimeoutMs,
      },
      { onLine: emit, onDeath: this.#ending.stop },
    )
    this.#undo.add('stop the load generator', () => generator.kill())
    return generator
  }

  /** What the run says of itself as a whole: recorded downtimes, CPU and memory. */
  async #closeTheBooks(
    deployment: Deployment,
    observer: Observer,
    emit: (line: HistoryLine) => void,
  ): Promise<void> {
    for (const downtime of await observer.downtimes()) emit({ type: 'downtime', ...downtime })
    await observer.stop()
    for (const part of deployment.parts) {
      const { cpuSeconds, maxRssBytes } = part.usage()
      emit({ type: 'cpu', part: part.name, seconds: cpuSeconds, maxRssBytes })
    }
  }

  async #report(runDir: string, broken: unknown): Promise<number> {
    const { verdict } = await presentRun(runDir)
    await this.#pointLatestAt(runDir)
    if (this.#ending.interrupted) return exitCodes.interrupted
    if (broken !== null && !(broken instanceof RunStopped)) {
      console.error(broken)
      return exitCodes.crash
    }
    return exitCodes[verdict]
  }

  async #pointLatestAt(runDir: string): Promise<void> {
    if (this.#options.out) return
    const latest = path.join(path.dirname(runDir), 'latest')
    await rm(latest, { force: true })
    await symlink(path.basename(runDir), latest)
  }
}
