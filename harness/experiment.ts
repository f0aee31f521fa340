// Runs a scenario: brings a deployment up, lets the scenario's story happen phase by phase under load, undoes everything
// whatever happens, and leaves a verdict, a report and an exit code.
import { setTimeout as sleep } from 'node:timers/promises'
import type { FaultTargets } from './faults/catalogue.ts'
import type { Fault } from './faults/fault.ts'
import type { FaultSet } from './faults/fault-set.ts'
import { linkFaults } from './faults/links.ts'
import { type Planned, playSchedule } from './faults/nemesis.ts'
import { slowReaders, slowRequests, slowUploads } from './faults/slow-clients.ts'
import { faultTargets } from './faults/targets.ts'
import type { HistoryLine } from './history/events.ts'
import { type Generator, PhaseRefused } from './load/generator.ts'
import type { ColdPhase, Phase as LoadPhase, ObjectFilter, Workload } from './load/messages.ts'
import { filterObjects, type LoadObject, readManifest } from './load/objects.ts'
import { targetOf } from './load/sender.ts'
import { originRegion } from './origins/handle.ts'
import type { Deployment } from './run/deployment.ts'
import { RunStopped } from './run/ending.ts'
import type { RunLimit } from './run/limit.ts'
import type { Observer } from './run/observer.ts'
import type { RunOptions } from './run/options.ts'
import { startRewriter } from './run/rewriter.ts'
import { orStopped } from './run/stopped.ts'
import { startStrangers } from './run/strangers.ts'
import type { Tally } from './run/tally.ts'
import type { SystemPart } from './systems/part.ts'

/** What the story of a phase needs: a name, a sentence, how long, what is wrong meanwhile. */
export interface PhasePlan {
  readonly name: string
  readonly story: string
  /** Network time: how long the phase lasts, seconds. */
  readonly seconds?: number
  /** Calendar time, divided by `--speed`, seconds. Exactly one of the two. */
  readonly calendarSeconds?: number
  /** In force during this phase; a fault that the next phase names too stays. */
  readonly faults?: readonly Fault[]
  /** Faults come and go this long after the phase's load has begun, seconds; before it begins when absent. */
  readonly changeAfterSeconds?: number
  readonly workload?: Partial<Workload>
  readonly only?: ObjectFilter
}

/** A phase in which faults come and go by a schedule of their own. */
export interface NemesisPlan {
  readonly name: string
  readonly story: string
  readonly seconds: number
  readonly schedule: readonly Planned<Fault>[]
}

/** Reads one after the other, so that each waits for nothing but its path. */
export interface OneByOnePlan {
  readonly name: string
  readonly story: string
  readonly reads: number
  /** `s3`: straight to S3 at its real distance, past the system. */
  readonly from: 's3' | 'system'
  /** Of the connections the reads come on. */
  readonly handshake: ColdPhase['handshake']
  readonly faults?: readonly Fault[]
  readonly only?: ObjectFilter
}

/** How many of each; none where nothing is said. */
export interface SlowClientCounts {
  readonly readers?: number
  readonly requests?: number
  readonly uploads?: number
}

/** What a run is made of; `Run` puts it at the scenario's disposal. */
export interface RunParts {
  readonly options: RunOptions
  readonly deployment: Deployment
  readonly generator: Generator
  readonly tally: Tally
  readonly faults: FaultSet
  readonly observer: Observer
  readonly emit: (line: HistoryLine) => void
  readonly nowMs: () => number
  /** Aborted with the reason when the run must end: Ctrl-C, a dead part, a wait without end. */
  readonly stopped: AbortSignal
  readonly limit: RunLimit
  /** After this long a read ends, answered or not, ms. */
  readonly requestTimeoutMs: number
}

/** What a run waits for between the steps of its story. */
const nextStep = 'the scenario to go on'
/** A healthy S3 is asked for some ten thousand in that time. */
const verifyMs = 60_000

/** What a scenario's story is told with. */
export class Run {
  readonly options: RunOptions
  readonly deployment: Deployment
  readonly links: ReturnType<typeof linkFaults>
  /** For faults by their names in the catalogue. */
  readonly targets: FaultTargets
  readonly tally: Tally
  readonly #parts: RunParts
  /** What goes on beside the phases until the story is told. */
  readonly #companions = new AsyncDisposableStack()

  constructor(parts: RunParts) {
    this.options = parts.options
    this.deployment = parts.deployment
    this.tally = parts.tally
    const witness = { failuresSince: (ms: number) => parts.tally.failuresSince(ms), nowMs: parts.nowMs }
    this.links = linkFaults(parts.deployment.toxiproxy, witness)
    this.targets = faultTargets(parts.deployment, witness, parts.options.seed)
    this.#parts = parts
    parts.limit.awaits(nextStep)
  }

  /** Ends what the story began and never ended. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.#companions.disposeAsync()
  }

  /** Reads a sample one at a time straight from S3, past the system: what a read costs without it. */
  async cold(reads: number): Promise<void> {
    const story = `${reads} objects read one by one straight from S3, each on a new connection`
    await this.oneByOne({ name: 'cold', story, reads, from: 's3', handshake: 'full' })
  }

  /** Reads a sample of the known objects one at a time: the same objects whenever `reads` and `only` are the same. */
  async oneByOne(plan: OneByOnePlan): Promise<void> {
    const { name, story, reads, handshake, only } = plan
    const control = plan.from === 's3'
    const target = control ? this.deployment.originThroughLink : this.deployment.entry
    const longestMs = reads * this.#parts.requestTimeoutMs
    await this.#during({ name, story, control }, longestMs, async () => {
      await this.#orStopped(this.#parts.faults.change(plan.faults ?? []))
      await this.#load({ mode: 'cold', name, reads, target, handshake, ...(only && { only }) })
    })
  }

  /** Reads every known object, or those asked for, once through the system. */
  async warm({ concurrency = 16, only }: { concurrency?: number; only?: ObjectFilter } = {}): Promise<void> {
    const which = only ? 'some known objects are' : 'every known object is'
    const { generator, requestTimeoutMs } = this.#parts
    const longestMs = (generator.knownObjects / concurrency) * requestTimeoutMs
    await this.#during({ name: 'warm', story: `${which} read once through the system` }, longestMs, () =>
      this.#load({ mode: 'warm', name: 'warm', concurrency, ...(only && { only }) }),
    )
  }

  /** The known objects that a filter leaves, largest first. */
  async objects(only: ObjectFilter = {}): Promise<LoadObject[]> {
    const { known } = await readManifest(this.deployment.origin.manifestFile)
    return filterObjects(known, only).sort((a, b) => b.bytes - a.bytes)
  }

  /**
   * Clients that read large objects, ask, or upload, some bytes at a time: as many of each as said, all of them on this
   * machine. Readers ask for the known objects that `only` leaves, in turn.
   */
  async slowClients(counts: SlowClientCounts, only: ObjectFilter): Promise<Fault[]> {
    const { origin, entry } = this.deployment
    const credentials = { ...origin.credentials, region: originRegion }
    const where = { entry, hostHeader: origin.host, credentials }
    const { readers = 0, requests = 0, uploads = 0 } = counts
    const targets = (await this.objects(only)).map(({ key }) => targetOf(origin.bucket, key))
    const places = Array.from({ length: uploads }, (_, i) => targetOf(origin.bucket, `uploads/slow/${i}`))
    return [
      ...(readers > 0 ? [slowReaders(where, readers, targets)] : []),
      ...(requests > 0 ? [slowRequests(where, requests, targets)] : []),
      ...(uploads > 0 ? [slowUploads(where, uploads, places)] : []),
    ]
  }

  /** From now on, clients without credentials ask for known objects. */
  async strangers(): Promise<void> {
    const { origin, entry } = this.deployment
    const targets = (await this.objects({ maxBytes: 65_536 })).map(({ key }) => targetOf(origin.bucket, key))
    const { emit, nowMs } = this.#parts
    this.#companions.use(startStrangers({ entry, hostHeader: origin.host, targets, emit, nowMs }))
  }

  /** From now on, a client writes objects again and again, and reads back what was acknowledged. */
  rewriter(): void {
    const { origin, entry } = this.deployment
    const { host, bucket } = origin
    const { emit, nowMs } = this.#parts
    const rewriter = startRewriter({
      ...{ entry, hostHeader: host, bucket, emit, nowMs },
      credentials: { ...origin.credentials, region: originRegion },
      prefix: `rewritten/seed-${this.options.seed}/`,
    })
    this.#companions.use(rewriter)
  }

  /** The names of the links on which routers reach caches. */
  get cacheLinks(): string[] {
    return [...this.deployment.linksTo.values()].flat()
  }

  /** The part that clients talk to, for faults of its process; undefined when they talk to S3 itself. */
  get router(): SystemPart | undefined {
    return this.deployment.parts.find(({ description }) => description.role === 'router')
  }

  /** Arrivals by the schedule for a while, with the given faults in force. */
  async phase(plan: PhasePlan): Promise<void> {
    const { name, story, workload, only, changeAfterSeconds } = plan
    const durationMs = this.#durationMs(plan)
    const change = () => this.#orStopped(this.#parts.faults.change(plan.faults ?? []))
    const load = () =>
      this.#load({
        mode: 'open-loop',
        name,
        durationMs,
        ...(workload && { workload }),
        ...(only && { only }),
      })
    await this.#during({ name, story }, durationMs, async () => {
      if (changeAfterSeconds === undefined) return change().then(load)
      const later = this.#orStopped(sleep(changeAfterSeconds * 1000)).then(change)
      return Promise.all([load(), later])
    })
  }

  /** Arrivals by the schedule while the nemesis plays a schedule of faults; the phase ends when both are done. */
  async nemesis(plan: NemesisPlan): Promise<void> {
    const { name, story, seconds, schedule } = plan
    const { faults, nowMs } = this.#parts
    const sleepUntil = (atMs: number) => this.#orStopped(sleep(Math.max(0, atMs - nowMs())))
    await this.#during({ name, story }, seconds * 1000, () =>
      Promise.all([
        this.#load({ mode: 'open-loop', name, durationMs: seconds * 1000 }),
        playSchedule(schedule, faults, { nowMs, sleepUntil }),
      ]),
    )
  }

  /** A phase in which nothing is wrong and every known read must succeed; anything else can't be a baseline. */
  async steady(plan: Pick<PhasePlan, 'seconds' | 'workload' | 'only'>): Promise<void> {
    await this.phase({ name: 'steady', story: 'nothing is wrong', ...plan })
    await this.settle()
    const { scheduled, ok } = this.#parts.tally.of('steady', 'known')
    if (scheduled === 0) throw new RunStopped('steady state was never reached: no read was scheduled in it')
    if (ok < scheduled) {
      throw new RunStopped(
        `steady state was never reached: ${scheduled - ok} of ${scheduled} reads of known objects failed`,
      )
    }
    // What the system thought of S3 while it was brought up and warmed is no part of what is judged.
    await this.#orStopped(this.#parts.observer.forgetDowntimes())
  }

  /** Waits until the windows of the last second are in. */
  async settle(): Promise<void> {
    await this.#orStopped(sleep(1200))
  }

  /** Asks S3 itself for every upload that was acknowledged. */
  async verifyUploads(): Promise<void> {
    const { generator, limit } = this.#parts
    limit.awaits('S3 to be asked for every upload', verifyMs)
    await this.#orStopped(generator.verifyUploads(this.deployment.originDirect))
    limit.awaits(nextStep)
  }

  #durationMs({ name, seconds, calendarSeconds }: PhasePlan): number {
    if ((seconds === undefined) === (calendarSeconds === undefined)) {
      throw new Error(`the phase ${name} needs either seconds or calendarSeconds`)
    }
    return (seconds ?? calendarSeconds! / this.options.speed) * 1000
  }

  async #during(
    phase: { name: string; story: string; control?: boolean },
    plannedMs: number,
    act: () => Promise<unknown>,
  ): Promise<void> {
    const { emit, nowMs, stopped, limit } = this.#parts
    stopped.throwIfAborted()
    limit.awaits(`the end of the phase ${phase.name}`, plannedMs)
    emit({ type: 'phase', ...phase, edge: 'start', atMs: nowMs() })
    try {
      await act()
    } finally {
      emit({ type: 'phase', ...phase, edge: 'end', atMs: nowMs() })
      limit.awaits(nextStep)
    }
  }

  #load(phase: LoadPhase): Promise<unknown> {
    const done = this.#parts.generator.phase(phase).catch((error) => {
      throw error instanceof PhaseRefused ? new RunStopped(error.message) : error
    })
    return this.#orStopped(done)
  }

  #orStopped<T>(work: Promise<T>): Promise<T> {
    return orStopped(this.#parts.stopped, work)
  }
}
