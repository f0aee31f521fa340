// Computes the number a threshold is about from a run's summary. undefined means there is no data to compute it from.

import type { Population, Timing } from '../history/events.ts'
import { failoverOf } from '../history/failovers.ts'
import type { FaultSpan } from '../history/fault-spans.ts'
import { type Histogram, newHistogram, quantileMs } from '../history/histogram.ts'
import type { PopulationSummary } from '../history/population.ts'
import type { PhaseSummary, Summary } from '../history/summary.ts'
import { connections, memoryGrowth, storeBytes } from './holdings.ts'
import type { Measure } from './threshold.ts'

/** The measured value: a ratio, a count or milliseconds, by the measure's kind. */
export function measure(wanted: Measure, summary: Summary): number | undefined {
  switch (wanted.kind) {
    case 'ok-ratio':
      return okRatio(populationIn(summary, wanted))
    case 'count':
      return count(populationIn(summary, wanted), wanted.outcomes)
    case 'quantile':
      return quantile(populationIn(summary, wanted), wanted.timing, wanted.quantile)
    case 'slowest-failure':
      return slowestFailure(populationIn(summary, wanted))
    case 'slowest':
      return slowest(populationIn(summary, wanted))
    case 'origin-requests-per-arrival':
      return requestsPerArrival(phasesIn(summary, wanted.phases))
    case 'uploads-lost':
      return uploadsLost(phasesIn(summary, wanted.phases))
    case 'strangers-served':
      return strangersServed(phasesIn(summary, wanted.phases))
    case 'outdated-reads':
      return outdatedReads(phasesIn(summary, wanted.phases))
    case 'origin-fetches-per-key':
      return fetchesPerKey(phasesIn(summary, wanted.phases))
    case 'memory-growth':
      return memoryGrowth(phasesIn(summary, [wanted.since]), phasesIn(summary, wanted.phases))
    case 'connections':
      return connections(wanted, phasesIn(summary, wanted.phases))
    case 'store-bytes':
      return storeBytes(wanted, phasesIn(summary, wanted.phases))
    case 'time-to-recover':
      return timeToRecover(summary, wanted.population, wanted.phase)
    case 'downtime-error':
      return downtimeError(summary, wanted.backend, phasesIn(summary, wanted.phases))
    case 'saved-ratio':
      return savedRatio(phasesIn(summary, wanted.phases))
    case 'failover':
      return failoverColumn(summary, wanted)
  }
}

/** The named phases, or none of them when one is missing: half of what was asked is no answer. */
function phasesIn(summary: Summary, names: readonly string[]): readonly PhaseSummary[] {
  const phases = names.map((name) => summary.phases.find((phase) => phase.name === name))
  return phases.every((phase) => phase !== undefined) ? phases : []
}

function populationIn(
  summary: Summary,
  { phases, population }: { phases: readonly string[]; population: Population },
): readonly PopulationSummary[] {
  return phasesIn(summary, phases).map((phase) => phase.populations[population])
}

function sum<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((total, item) => total + of(item), 0)
}

function okRatio(parts: readonly PopulationSummary[]): number | undefined {
  const scheduled = sum(parts, (part) => part.scheduled)
  return scheduled === 0 ? undefined : sum(parts, (part) => part.ok) / scheduled
}

function count(
  parts: readonly PopulationSummary[],
  outcomes: readonly (keyof PopulationSummary['byOutcome'])[],
) {
  if (sum(parts, (part) => part.scheduled) === 0) return undefined
  return sum(parts, (part) => sum(outcomes, (outcome) => part.byOutcome[outcome]))
}

function quantile(parts: readonly PopulationSummary[], timing: Timing, share: number): number | undefined {
  return quantileMs(mergedTimes(parts, timing), share)
}

/** The times of all arrivals that ended ok, in one histogram. */
export function mergedTimes(parts: readonly PopulationSummary[], timing: Timing): Histogram {
  const field = ({ responseMs: 'responseUs', serviceMs: 'serviceUs', ttfbMs: 'ttfbUs' } as const)[timing]
  const merged = newHistogram()
  for (const part of parts) merged.add(part[field])
  return merged
}

/** Only a failure has a time; when every arrival ended ok although S3 was away, there is nothing to say. */
function slowestFailure(parts: readonly PopulationSummary[]): number | undefined {
  const slowest = parts.map((part) => quantileMs(part.failedUs, 1)).filter((ms) => ms !== undefined)
  return slowest.length === 0 ? undefined : Math.max(...slowest)
}

function slowest(parts: readonly PopulationSummary[]): number | undefined {
  const all = parts.flatMap((part) => [quantileMs(part.responseUs, 1), quantileMs(part.failedUs, 1)])
  const known = all.filter((ms) => ms !== undefined)
  return known.length === 0 ? undefined : Math.max(...known)
}

function requestsPerArrival(phases: readonly PhaseSummary[]): number | undefined {
  const arrivals = sum(phases, ({ populations }) =>
    sum(Object.values(populations), ({ scheduled }) => scheduled),
  )
  return arrivals === 0 ? undefined : sum(phases, (phase) => phase.originRequests) / arrivals
}

/** Known only when the origin was asked for every acknowledged upload of the phases, and there was at least one. */
function uploadsLost(phases: readonly PhaseSummary[]): number | undefined {
  const acknowledged = sum(phases, ({ populations }) => populations.upload.ok)
  const asked = sum(phases, ({ uploads }) => uploads?.acknowledged ?? 0)
  if (acknowledged === 0 || asked < acknowledged) return undefined
  return sum(phases, ({ uploads }) => uploads?.lost.length ?? 0)
}

/** Known only when strangers asked. */
function strangersServed(phases: readonly PhaseSummary[]): number | undefined {
  if (sum(phases, (phase) => phase.strangers.asked) === 0) return undefined
  return sum(phases, (phase) => phase.strangers.served)
}

/** Known only when a read was answered: one that failed tells nothing of versions. */
function outdatedReads(phases: readonly PhaseSummary[]): number | undefined {
  if (sum(phases, (phase) => phase.rereads.answered) === 0) return undefined
  return sum(phases, (phase) => phase.rereads.outdated)
}

function fetchesPerKey(phases: readonly PhaseSummary[]): number | undefined {
  const most = phases.flatMap((phase) => [...phase.originFetches.values()])
  return most.length === 0 ? undefined : Math.max(...most)
}

/**
 * From the phase's start until the last failed arrival was told so; Infinity when no later second saw an arrival end
 * ok, for then it has not recovered within the phase.
 */
function timeToRecover(summary: Summary, population: Population, name: string): number | undefined {
  const [phase] = phasesIn(summary, [name])
  const part = phase?.populations[population]
  if (!phase || !part || part.scheduled === 0) return undefined
  if (part.failed === 0) return 0
  const { lastOkWindowMs, lastFailedWindowMs, lastFailureEndMs } = part
  if (lastOkWindowMs === null || lastOkWindowMs < lastFailedWindowMs!) return Number.POSITIVE_INFINITY
  return lastFailureEndMs === null ? undefined : lastFailureEndMs - phase.startMs
}

/** |recorded − injected| / injected, with injected the time in which any fault was in force in the phases. */
function downtimeError(
  summary: Summary,
  backend: string,
  phases: readonly PhaseSummary[],
): number | undefined {
  const recorded = summary.downtimes.find((line) => line.backend === backend)?.measuredMs
  const injected = sum(phases, (phase) =>
    timeUnderFault(summary.faults, phase.startMs, phase.endMs ?? summary.endMs),
  )
  if (recorded === undefined || injected === 0) return undefined
  return Math.abs(recorded - injected) / injected
}

/** Length of the union of the faults' spans within a stretch, ms. */
function timeUnderFault(faults: readonly FaultSpan[], fromMs: number, toMs: number): number {
  let total = 0
  let coveredTo = fromMs
  for (const fault of faults.toSorted((a, b) => a.injectedMs - b.injectedMs)) {
    const start = Math.max(coveredTo, fault.injectedMs)
    const end = Math.min(toMs, fault.healedMs ?? toMs)
    if (end <= start) continue
    total += end - start
    coveredTo = end
  }
  return total
}

function savedRatio(phases: readonly PhaseSummary[]): number | undefined {
  const served = sum(phases, servedBytes)
  return served === 0 ? undefined : 1 - sum(phases, (phase) => phase.originBytes) / served
}

/** Bytes of bodies that reached the clients in a phase. */
export function servedBytes(phase: PhaseSummary): number {
  return sum(Object.values(phase.populations), (population) => population.servedBytes)
}

function failoverColumn(summary: Summary, wanted: Measure & { kind: 'failover' }): number | undefined {
  const span = summary.faults.find((fault) => fault.name === wanted.fault)
  return span === undefined ? undefined : (failoverOf(span)[wanted.column] ?? undefined)
}
