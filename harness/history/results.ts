// The results.json of a run, from its summary.
import { judge } from '../checkers/judge.ts'
import { mergedTimes, servedBytes } from '../checkers/measure.ts'
import { outcomes, type Timing } from './events.ts'
import { failoverOf } from './failovers.ts'
import { quantileMs } from './histogram.ts'
import type { PopulationSummary } from './population.ts'
import type { PhaseResult, Quantiles, Results } from './results-contract.ts'
import type { PhaseSummary, Summary } from './summary.ts'

export type { Results } from './results-contract.ts'

/** Everything results.json holds, computed from the history's summary alone. */
export function resultsOf(summary: Summary): Results {
  const { run } = summary
  const { verdict, reason, thresholds } = judge(summary)
  const speed = run?.speed ?? 1
  return {
    schema: 1,
    scenario: run?.scenario ?? 'unknown',
    system: run?.system ?? 'unknown',
    origin: run?.origin ?? 'unknown',
    toxiproxy: run?.toxiproxy ?? { kind: 'embedded', version: 'unknown' },
    seed: run?.seed ?? 0,
    speed,
    startedAt: run?.startedAt ?? '',
    wallSeconds: summary.endMs / 1000,
    verdict,
    reason,
    versions: run?.versions ?? { node: 'unknown', commit: 'unknown' },
    machine: run?.machine ?? 'unknown',
    thresholds,
    phases: summary.phases.map((phase) => phaseResult(phase, summary.endMs, speed)),
    bandwidth: bandwidth(
      summary.phases.filter((phase) => !phase.control),
      run?.dollarsPerGb ?? defaultDollarsPerGb,
    ),
    failovers: summary.faults.map(failoverOf),
    generator: summary.generator && {
      slipP99Ms: summary.generator.slipP99Ms,
      cpuSeconds: summary.generator.cpuSeconds,
      eventLoopLagP99Ms: summary.generator.eventLoopLagP99Ms,
    },
    systemCpuSeconds: Object.fromEntries(summary.cpu.map(({ part, seconds }) => [part, seconds])),
  }
}

function phaseResult(phase: PhaseSummary, runEndMs: number, speed: number): PhaseResult {
  const { known, upload } = phase.populations
  const reads = [known, phase.populations['never-read']]
  const endMs = phase.endMs ?? runEndMs
  const total = (of: (part: PopulationSummary) => number) => reads.reduce((sum, part) => sum + of(part), 0)
  return {
    name: phase.name,
    startMs: phase.startMs,
    endMs,
    calendarSeconds: ((endMs - phase.startMs) / 1000) * speed,
    reads: {
      scheduled: total((part) => part.scheduled),
      ok: total((part) => part.ok),
      failed: total((part) => part.failed),
      byOutcome: Object.fromEntries(
        outcomes.map((outcome) => [outcome, total((part) => part.byOutcome[outcome])]),
      ),
    },
    writes: { scheduled: upload.scheduled, ok: upload.ok, failed: upload.failed },
    responseMs: quantiles(reads, 'responseMs'),
    serviceMs: quantiles(reads, 'serviceMs'),
    ttfbMs: quantiles(reads, 'ttfbMs'),
    bytes: { served: servedBytes(phase), origin: phase.originBytes },
  }
}

/** Of the reads that ended ok; null when none did. */
function quantiles(parts: readonly PopulationSummary[], timing: Timing): Quantiles | null {
  const merged = mergedTimes(parts, timing)
  if (merged.totalCount === 0) return null
  const at = (share: number) => quantileMs(merged, share)!
  return { p50: at(0.5), p90: at(0.9), p99: at(0.99), p999: at(0.999), max: at(1) }
}

/** A GB (10^9 bytes) out of S3 to the internet: the list price of the first 10 TB a month, us-east-1. */
export const defaultDollarsPerGb = 0.09

function bandwidth(phases: readonly PhaseSummary[], dollarsPerGb: number): Results['bandwidth'] {
  const served = phases.reduce((sum, phase) => sum + servedBytes(phase), 0)
  const origin = phases.reduce((sum, phase) => sum + phase.originBytes, 0)
  const dollars = (bytes: number) => (bytes / 1e9) * dollarsPerGb
  return {
    servedBytes: served,
    originBytes: origin,
    savedRatio: served === 0 ? null : 1 - origin / served,
    duplicateFills: phases.reduce((sum, phase) => sum + repeated(phase.originFills), 0),
    duplicatesPastCache: phases.reduce((sum, phase) => sum + repeatedPastCache(phase), 0),
    money: {
      dollarsPerGb,
      originDollars: dollars(origin),
      servedDollars: dollars(served),
      savedDollars: dollars(served - origin),
    },
  }
}

/** Times an object was moved again although it had been moved in the same phase. */
function repeated(fills: ReadonlyMap<string, number>): number {
  return [...fills.values()].reduce((sum, times) => sum + times - 1, 0)
}

/** The origin's log does not say who asked, but each read past the caches fetched once for itself. */
function repeatedPastCache({
  originFills,
  populations: { known, 'never-read': neverRead },
}: PhaseSummary): number {
  const past = [known, neverRead].reduce(
    (sum, { byOutcome }) => sum + byOutcome.failover + byOutcome.direct,
    0,
  )
  return Math.min(repeated(originFills), past)
}
