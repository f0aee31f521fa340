// One pass over a history, in memory that grows with phases, faults and keys but not with time. What verdict, results
// and report say is computed from the Summary made here.
import type {
  CpuLine,
  DowntimeLine,
  FailureLine,
  GeneratorLine,
  HistoryLine,
  HoldingLine,
  LinkCostLine,
  OriginLine,
  PhaseLine,
  Population,
  RereadLine,
  RunLine,
  StateLine,
  StrangerLine,
  UploadLine,
  WindowLine,
} from './events.ts'
import { populations } from './events.ts'
import { FaultRecorder, type FaultSpan } from './fault-spans.ts'
import { addHolding, type PartHoldings } from './holdings.ts'
import { addToPopulation, newPopulation, type PopulationSummary } from './population.ts'
import { addSizes, type Sizes } from './size-classes.ts'

export interface PhaseSummary {
  readonly name: string
  readonly story: string
  /** The load went straight to the origin: no part of the run's bandwidth ledger. */
  readonly control: boolean
  readonly startMs: number
  /** null when the history ends within the phase. */
  endMs: number | null
  readonly populations: Record<Population, PopulationSummary>
  originRequests: number
  originBytes: number
  /** Whole-object GETs, by key, that the origin answered with the object or a 304: who was refused has fetched nothing. */
  readonly originFetches: Map<string, number>
  /** Whole-object GETs answered 200, by key: each moved the object once. */
  readonly originFills: Map<string, number>
  /** null when nobody asked the origin for the phase's uploads. */
  uploads: { acknowledged: number; heldByOrigin: number; lost: string[] } | null
  /** Reads that ended ok, by size class and outcome. */
  readonly sizes: Sizes
  /** Clients without credentials: how many asked for a private object, and how many got it. */
  readonly strangers: { asked: number; served: number }
  /** Reads of objects that the run keeps writing: how many were answered, and how many of those with an older version than was acknowledged. */
  readonly rereads: { answered: number; outdated: number }
  /** What each part of the system held, by its name. */
  readonly holdings: Map<string, PartHoldings>
}

export interface Summary {
  readonly run: RunLine | null
  /** In the order they began. */
  readonly phases: readonly PhaseSummary[]
  readonly faults: readonly FaultSpan[]
  readonly states: readonly StateLine[]
  readonly downtimes: readonly DowntimeLine[]
  readonly cpu: readonly CpuLine[]
  readonly generator: GeneratorLine | null
  readonly linkCost: LinkCostLine | null
  /** Run time of the last line. */
  readonly endMs: number
  readonly interrupted: boolean
  /** Why the run can't be trusted, in sentences; empty for a sound one. */
  readonly doubts: readonly string[]
}

/** Adds the lines of a history up. `finish` may be called at any time and again: a live view of a run uses it so. */
export class SummaryBuilder {
  readonly #phases: PhaseSummary[] = []
  readonly #faults = new FaultRecorder()
  readonly #states: StateLine[] = []
  readonly #downtimes: DowntimeLine[] = []
  readonly #cpu: CpuLine[] = []
  readonly #doubts = new Set<string>()
  #run: RunLine | null = null
  #generator: GeneratorLine | null = null
  #linkCost: LinkCostLine | null = null
  #ended: { readonly interrupted: boolean } | null = null
  #endMs = 0

  add(line: HistoryLine): void {
    if ('atMs' in line) this.#endMs = Math.max(this.#endMs, line.atMs)
    switch (line.type) {
      case 'run':
        this.#run = line
        break
      case 'phase':
        this.#addPhase(line)
        break
      case 'fault':
        this.#faults.addFault(line)
        break
      case 'window':
        this.#addWindow(line)
        break
      case 'sizes': {
        const phase = this.#phase(line.phase)
        if (phase) addSizes(phase.sizes, line)
        break
      }
      case 'failure':
        this.#addFailure(line)
        break
      case 'upload':
        this.#addUploads(line)
        break
      case 'origin':
        this.#addOrigin(line)
        break
      case 'stranger':
        this.#addStranger(line)
        break
      case 'reread':
        this.#addReread(line)
        break
      case 'state':
        this.#states.push(line)
        this.#faults.addState(line)
        break
      case 'downtime':
        this.#downtimes.push(line)
        break
      case 'holding':
        this.#addHolding(line)
        break
      case 'link':
      case 'load':
      case 'store':
        break
      case 'cpu':
        this.#cpu.push(line)
        break
      case 'generator':
        this.#generator = line
        break
      case 'link-cost':
        this.#linkCost = line
        break
      case 'doubt':
        this.#doubts.add(line.reason)
        break
      case 'end':
        this.#ended = line
        break
    }
  }

  finish(): Summary {
    return {
      run: this.#run,
      phases: this.#phases,
      faults: this.#faults.spans,
      states: this.#states,
      downtimes: this.#downtimes,
      cpu: this.#cpu,
      generator: this.#generator,
      linkCost: this.#linkCost,
      endMs: this.#endMs,
      interrupted: this.#ended?.interrupted ?? false,
      doubts: [...this.#doubts, ...this.#faults.doubts, ...this.#missing(), ...this.#imbalances()],
    }
  }

  #phase(name: string): PhaseSummary | undefined {
    return this.#phases.find((phase) => phase.name === name)
  }

  #addPhase(line: PhaseLine): void {
    const phase = this.#phase(line.name)
    if (line.edge === 'end' && phase !== undefined) phase.endMs = line.atMs
    else if (line.edge === 'start' && phase === undefined) this.#phases.push(newPhase(line))
    else
      this.#doubts.add(
        `the phase ${line.name} ${line.edge === 'end' ? 'ended but never began' : 'began twice'}`,
      )
  }

  #addWindow(line: WindowLine): void {
    const phase = this.#phase(line.phase)
    if (phase === undefined) {
      this.#doubts.add(`arrivals were counted in the phase ${line.phase}, which never began`)
      return
    }
    const slowestUs = addToPopulation(phase.populations[line.population], line)
    if (line.population === 'known') this.#faults.addKnown(line, slowestUs > 0 ? slowestUs / 1000 : null)
  }

  #addFailure(line: FailureLine): void {
    const population = this.#phase(line.phase)?.populations[line.population]
    if (population === undefined) return
    const endMs = line.atMs + line.responseMs
    population.lastFailureEndMs = Math.max(population.lastFailureEndMs ?? 0, endMs)
    if (line.population === 'known') this.#faults.addLostRead(line)
  }

  #addUploads(line: UploadLine): void {
    const phase = this.#phase(line.phase)
    if (phase === undefined) return
    phase.uploads ??= { acknowledged: 0, heldByOrigin: 0, lost: [] }
    phase.uploads.acknowledged += line.acknowledged
    phase.uploads.heldByOrigin += line.heldByOrigin
    phase.uploads.lost.push(...line.lost)
  }

  #addStranger({ atMs, isServed }: StrangerLine): void {
    const phase = this.#phases.findLast((p) => p.startMs <= atMs)
    if (phase === undefined) return
    phase.strangers.asked++
    if (isServed) phase.strangers.served++
  }

  #addReread({ atMs, acknowledged, read }: RereadLine): void {
    const phase = this.#phases.findLast((p) => p.startMs <= atMs)
    if (phase === undefined || read === null) return
    phase.rereads.answered++
    if (read < acknowledged) phase.rereads.outdated++
  }

  #addHolding(line: HoldingLine): void {
    const phase = this.#phases.findLast((p) => p.startMs <= line.atMs)
    if (phase === undefined || line.atMs > (phase.endMs ?? Number.POSITIVE_INFINITY)) return
    addHolding(phase.holdings, line)
  }

  #addOrigin(line: OriginLine): void {
    const phase = this.#phases.findLast((p) => p.startMs <= line.atMs)
    if (phase === undefined || line.atMs > (phase.endMs ?? Number.POSITIVE_INFINITY)) return
    phase.originRequests++
    if (line.method === 'GET') phase.originBytes += line.bytes
    if (line.method !== 'GET' || line.key === '' || line.range !== undefined || line.status >= 400) return
    count(phase.originFetches, line.key)
    if (line.status === 200) count(phase.originFills, line.key)
  }

  #missing(): string[] {
    const missing: string[] = []
    if (this.#run === null) missing.push('the history does not say what was run')
    if (this.#ended === null) missing.push('the history was cut short: it has no end')
    if (this.#ended?.interrupted) missing.push('the run was interrupted')
    if (this.#generator === null) missing.push('the load generator did not say how well it kept its schedule')
    for (const phase of this.#phases)
      if (phase.endMs === null) missing.push(`the phase ${phase.name} never ended`)
    return missing
  }

  /** Every arrival must have ended in exactly one outcome, and none may be lost between the generator and here. */
  #imbalances(): string[] {
    const imbalances: string[] = []
    let counted = 0
    for (const phase of this.#phases) {
      for (const name of populations) {
        const population = phase.populations[name]
        counted += population.scheduled
        const ended = population.ok + population.failed
        if (ended === population.scheduled) continue
        imbalances.push(
          `in ${phase.name}, ${population.scheduled} ${name} arrivals were scheduled and ${ended} ended`,
        )
      }
    }
    const told = this.#generator
    if (told !== null && told.scheduled !== counted)
      imbalances.push(
        `the load generator scheduled ${told.scheduled} arrivals, the history counts ${counted}`,
      )
    if (told !== null && told.sent + told.dropped !== told.scheduled)
      imbalances.push(
        `of ${told.scheduled} scheduled arrivals ${told.sent} were sent and ${told.dropped} dropped`,
      )
    return imbalances
  }
}

function newPhase(line: PhaseLine): PhaseSummary {
  return {
    name: line.name,
    story: line.story,
    control: line.control ?? false,
    startMs: line.atMs,
    endMs: null,
    populations: { known: newPopulation(), 'never-read': newPopulation(), upload: newPopulation() },
    originRequests: 0,
    originBytes: 0,
    originFetches: new Map(),
    originFills: new Map(),
    uploads: null,
    sizes: new Map(),
    strangers: { asked: 0, served: 0 },
    rereads: { answered: 0, outdated: 0 },
    holdings: new Map(),
  }
}

function count(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1)
}

/** The summary of a whole history. */
export async function summarise(lines: AsyncIterable<HistoryLine> | Iterable<HistoryLine>): Promise<Summary> {
  const builder = new SummaryBuilder()
  let number = 0
  for await (const line of lines) {
    number++
    try {
      builder.add(line)
    } catch (error) {
      const reason = `line ${number} of the history (${line.type}) makes no sense: ${(error as Error).message}`
      builder.add({ type: 'doubt', atMs: 0, reason })
    }
  }
  return builder.finish()
}
