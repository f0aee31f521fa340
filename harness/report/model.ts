// What a page is drawn from: the results, and everything over time that is not in results.json. Gathered line by
// line in bounded memory, so that a three-hour run costs no more than a short one.
import type { Threshold } from '../checkers/threshold.ts'
import {
  type CpuLine,
  type DowntimeLine,
  type GeneratorLine,
  type HistoryLine,
  type LinkCostLine,
  type LinkLine,
  type Outcome,
  type Population,
  populations,
  type WindowLine,
} from '../history/events.ts'
import { quantileMs } from '../history/histogram.ts'
import type { Results } from '../history/results-contract.ts'
import type { PhaseSummary, Summary } from '../history/summary.ts'
import { type AfterHealing, HealingRecorder } from './after-healing.ts'
import { type FailureGroup, FailureGroups } from './failure-groups.ts'
import { tickMs } from './format.ts'
import { type PartsOverTime, PartsRecorder } from './parts-over-time.ts'
import { PhaseBlocks } from './phase-blocks.ts'
import { type QuantileEstimate, quantileEstimate } from './quantile-interval.ts'
import { type SizeRow, sizeRows } from './size-rows.ts'
import { type FaultSpan, type PhaseSpan, type Strip, stripsOf } from './spans.ts'
import { type PhaseSpectrum, spectrumOf } from './spectrum.ts'
import { keepTimesFor, type ThresholdInterval, thresholdIntervals } from './threshold-intervals.ts'
import { Timeline, type TimelineColumns } from './timeline.ts'

/** One population in one phase. Times are of arrivals that ended ok, from the intended start; null when there were none. */
export interface PhasePopulation {
  readonly scheduled: number
  readonly ok: number
  readonly failed: number
  readonly byOutcome: Readonly<Record<Outcome, number>>
  readonly p50Ms: number | null
  readonly p99Ms: number | null
  readonly maxMs: number | null
  readonly slowestFailureMs: number | null
}

export interface PhaseRow extends PhaseSpan {
  /** The load went straight to the origin, past the system. */
  readonly control: boolean
  readonly populations: Readonly<Record<Population, PhasePopulation>>
  readonly servedBytes: number
  readonly originBytes: number
}

/** Bytes as the link saw them, headers and TLS included. */
export interface LinkTotal {
  readonly link: string
  upstreamBytes: number
  downstreamBytes: number
}

/** How fast the known reads of a phase were, as far as another run can be compared with it. */
export interface PhaseQuantiles {
  readonly phase: string
  readonly estimates: readonly QuantileEstimate[]
}

/** Plain data. Times are ms since the run began. */
export interface ReportModel {
  readonly results: Results
  /** Still under way: there is no verdict yet. */
  readonly isRunning: boolean
  readonly endMs: number
  /** From the first phase to the end of the last: what the charts show. Bringing up and tearing down lie outside. */
  readonly shown: { readonly startMs: number; readonly endMs: number }
  readonly interrupted: boolean
  readonly configuration: Readonly<Record<string, unknown>>
  readonly thresholds: readonly Threshold[]
  readonly intervals: readonly ThresholdInterval[]
  readonly phases: readonly PhaseRow[]
  readonly faults: readonly FaultSpan[]
  readonly strips: readonly Strip[]
  readonly timeline: TimelineColumns
  readonly spectrum: readonly PhaseSpectrum[]
  readonly sizes: readonly SizeRow[]
  /** Of all phases but controls. */
  readonly quantiles: readonly PhaseQuantiles[]
  readonly failures: readonly FailureGroup[]
  /** Requests that reached the origin in each second of the run. */
  readonly originPerSecond: readonly number[]
  /** null when nothing was healed. */
  readonly afterHealing: AfterHealing | null
  /** What crossed each Toxiproxy link in the whole run. */
  readonly links: readonly LinkTotal[]
  readonly parts: PartsOverTime
  readonly downtimes: readonly DowntimeLine[]
  readonly cpu: readonly CpuLine[]
  readonly generator: GeneratorLine | null
  readonly linkCost: LinkCostLine | null
  readonly doubts: readonly string[]
}

const comparedQuantiles = [0.5, 0.9, 0.99]

export class ModelBuilder {
  readonly #timeline = new Timeline()
  readonly #blocks = new PhaseBlocks()
  readonly #failures = new FailureGroups()
  readonly #originPerSecond: number[] = []
  readonly #links = new Map<string, LinkTotal>()
  readonly #parts = new PartsRecorder()
  readonly #healing = new HealingRecorder()

  constructor() {
    this.#blocks.keepTimes('known', 'responseMs')
  }

  add(line: HistoryLine): void {
    this.#parts.add(line)
    this.#healing.add(line)
    if (line.type === 'run') keepTimesFor(line.thresholds, this.#blocks)
    else if (line.type === 'window') this.#addWindow(line)
    else if (line.type === 'failure') this.#failures.add(line)
    else if (line.type === 'origin') this.#addOrigin(line.atMs, line.bytes)
    else if (line.type === 'link') this.#addLink(line)
  }

  /** The model so far; the run may still be under way. */
  snapshot(summary: Summary, results: Results, isRunning = false): ReportModel {
    return {
      results,
      isRunning,
      endMs: summary.endMs,
      shown: shownOf(summary),
      interrupted: summary.interrupted,
      configuration: summary.run?.configuration ?? {},
      thresholds: summary.run?.thresholds ?? [],
      intervals: thresholdIntervals(summary, this.#blocks),
      phases: summary.phases.map(phaseRow),
      faults: summary.faults.map(({ name, target, injectedMs, healedMs, touched }) => ({
        name,
        target,
        startMs: injectedMs,
        endMs: healedMs,
        touched,
      })),
      strips: stripsOf(summary.states),
      timeline: this.#timeline.columns(),
      spectrum: spectrumOf(summary.phases),
      sizes: sizeRows(summary.phases),
      quantiles: this.#quantiles(summary.phases),
      failures: this.#failures.list(),
      originPerSecond: this.#originPerSecond,
      afterHealing: this.#healing.snapshot(),
      links: [...this.#links.values()],
      parts: this.#parts.snapshot(),
      downtimes: summary.downtimes,
      cpu: summary.cpu,
      generator: summary.generator,
      linkCost: summary.linkCost,
      doubts: summary.doubts,
    }
  }

  #addWindow(line: WindowLine): void {
    this.#timeline.addWindow(line)
    this.#blocks.add(line)
  }

  #quantiles(phases: readonly PhaseSummary[]): PhaseQuantiles[] {
    return phases
      .filter((phase) => !phase.control)
      .map(({ name, populations: { known } }) => ({
        phase: name,
        estimates: comparedQuantiles.flatMap(
          (quantile) =>
            quantileEstimate(known.responseUs, this.#blocks.times(name, 'known', 'responseMs'), quantile) ??
            [],
        ),
      }))
  }

  #addLink({ link, upstreamBytes, downstreamBytes }: LinkLine): void {
    const total = this.#links.get(link) ?? { link, upstreamBytes: 0, downstreamBytes: 0 }
    this.#links.set(link, total)
    total.upstreamBytes += upstreamBytes
    total.downstreamBytes += downstreamBytes
  }

  #addOrigin(atMs: number, bytes: number): void {
    this.#timeline.addOrigin(atMs, bytes)
    const second = Math.floor(Math.max(0, atMs) / 1000)
    while (this.#originPerSecond.length <= second) this.#originPerSecond.push(0)
    this.#originPerSecond[second]! += 1
  }
}

/** Begins at a label of the time axis. */
function shownOf({ phases, endMs }: Summary): ReportModel['shown'] {
  if (phases.length === 0) return { startMs: 0, endMs }
  const { startMs } = phases[0]!
  const lastMs = Math.max(...phases.map((phase) => phase.endMs ?? endMs))
  const step = tickMs(lastMs - startMs)
  return { startMs: Math.floor(startMs / step) * step, endMs: lastMs }
}

function phaseRow(phase: PhaseSummary): PhaseRow {
  const rows = populations.map((name) => [name, populationRow(phase, name)] as const)
  return {
    name: phase.name,
    story: phase.story,
    control: phase.control,
    startMs: phase.startMs,
    endMs: phase.endMs,
    populations: Object.fromEntries(rows) as Record<Population, PhasePopulation>,
    servedBytes: populations.reduce((sum, name) => sum + phase.populations[name].servedBytes, 0),
    originBytes: phase.originBytes,
  }
}

function populationRow(phase: PhaseSummary, name: Population): PhasePopulation {
  const { scheduled, ok, failed, byOutcome, responseUs, failedUs } = phase.populations[name]
  return {
    scheduled,
    ok,
    failed,
    byOutcome,
    p50Ms: quantileMs(responseUs, 0.5) ?? null,
    p99Ms: quantileMs(responseUs, 0.99) ?? null,
    maxMs: quantileMs(responseUs, 1) ?? null,
    slowestFailureMs: quantileMs(failedUs, 1) ?? null,
  }
}
