// The arrivals of one population in one phase, added up from windows.
import { type Outcome, okOutcomes, outcomes, type WindowLine } from './events.ts'
import { decodeHistogram, type Histogram, newHistogram } from './histogram.ts'

/** All arrivals of one population in one phase. */
export interface PopulationSummary {
  scheduled: number
  ok: number
  failed: number
  readonly byOutcome: Record<Outcome, number>
  servedBytes: number
  /** Of ok arrivals. */
  readonly responseUs: Histogram
  readonly serviceUs: Histogram
  readonly ttfbUs: Histogram
  /** Response times of failed arrivals. */
  readonly failedUs: Histogram
  /** Run time at which the last failed arrival was told so; null when none failed. */
  lastFailureEndMs: number | null
  /** Start of the last second in which an arrival ended ok, and of the last in which one failed. */
  lastOkWindowMs: number | null
  lastFailedWindowMs: number | null
}

export function newPopulation(): PopulationSummary {
  return {
    scheduled: 0,
    ok: 0,
    failed: 0,
    byOutcome: Object.fromEntries(outcomes.map((outcome) => [outcome, 0])) as Record<Outcome, number>,
    servedBytes: 0,
    responseUs: newHistogram(),
    serviceUs: newHistogram(),
    ttfbUs: newHistogram(),
    failedUs: newHistogram(),
    lastFailureEndMs: null,
    lastOkWindowMs: null,
    lastFailedWindowMs: null,
  }
}

/** Adds a window; returns the slowest arrival in it, µs, 0 when it had none. */
export function addToPopulation(population: PopulationSummary, line: WindowLine): number {
  let ok = 0
  let failed = 0
  for (const [outcome, arrivals] of Object.entries(line.byOutcome) as [Outcome, number][]) {
    population.byOutcome[outcome] += arrivals
    if (okOutcomes.has(outcome)) ok += arrivals
    else failed += arrivals
  }
  population.scheduled += line.scheduled
  population.ok += ok
  population.failed += failed
  population.servedBytes += line.servedBytes
  if (ok > 0) population.lastOkWindowMs = Math.max(population.lastOkWindowMs ?? line.atMs, line.atMs)
  if (failed > 0)
    population.lastFailedWindowMs = Math.max(population.lastFailedWindowMs ?? line.atMs, line.atMs)
  merge(population.serviceUs, line.serviceUs)
  merge(population.ttfbUs, line.ttfbUs)
  return Math.max(merge(population.responseUs, line.responseUs), merge(population.failedUs, line.failedUs))
}

/** Adds an encoded histogram; returns its maximum, 0 when there was none. */
function merge(into: Histogram, encoded: string | undefined): number {
  if (encoded === undefined) return 0
  const histogram = decodeHistogram(encoded)
  into.add(histogram)
  return histogram.maxValue
}
