// What systems are compared by: one number a run for each metric, and the thresholds all of them had to meet.
import { median } from 'simple-statistics'
import type { Verdict } from '../history/results-contract.ts'
import type { ComparedSystem } from './compared.ts'
import { bytes, count, latency, percent } from './format.ts'
import type { ReportModel } from './model.ts'
import { knownReads, maxOf, phasesByFault, sum } from './sections/key-numbers.ts'
import { savedText } from './sections/ledger.ts'
import { measuredText } from './sections/measured.ts'

interface Metric {
  readonly name: string
  readonly of: (model: ReportModel) => number | null
  readonly text: (value: number) => string
}

export const metrics: readonly Metric[] = [
  { name: 'Known reads answered while faulty', of: answeredRatio, text: percent },
  { name: 'Known reads that failed', of: (model) => known(model, (row) => row.failed), text: count },
  { name: 'Served stale', of: (model) => known(model, (row) => row.byOutcome.stale), text: count },
  {
    name: 'p99 before the faults',
    of: (model) => phasesByFault(model).before.at(-1)?.populations.known.p99Ms ?? null,
    text: latency,
  },
  { name: 'p99 while faulty, worst phase', of: (model) => worst(model, 'p99Ms'), text: latency },
  { name: 'Slowest known read while faulty', of: (model) => worst(model, 'maxMs'), text: latency },
  {
    name: 'Duplicate fetches from S3, failover aside',
    of: ({ results: { bandwidth } }) => bandwidth.duplicateFills - bandwidth.duplicatesPastCache,
    text: count,
  },
  { name: 'Bytes from S3', of: ({ results }) => results.bandwidth.originBytes, text: bytes },
  {
    name: 'S3 bandwidth saved',
    of: ({ results }) => results.bandwidth.savedRatio,
    text: savedText,
  },
  { name: 'CPU of the system', of: systemCpu, text: (seconds) => `${seconds.toFixed(1)} s` },
]

type KnownRow = ReportModel['phases'][number]['populations']['known']

/** null when none was sent. */
function known(model: ReportModel, of: (row: KnownRow) => number): number | null {
  if (knownReads(model) === 0) return null
  return sum(
    model.phases.filter((phase) => !phase.control),
    (phase) => of(phase.populations.known),
  )
}

function answeredRatio(model: ReportModel): number | null {
  const { during } = phasesByFault(model)
  const scheduled = sum(during, (phase) => phase.populations.known.scheduled)
  return scheduled === 0 ? null : sum(during, (phase) => phase.populations.known.ok) / scheduled
}

function worst(model: ReportModel, column: 'p99Ms' | 'maxMs'): number | null {
  return maxOf(phasesByFault(model).during, (phase) => phase.populations.known[column])
}

function systemCpu({ results }: ReportModel): number | null {
  const seconds = Object.values(results.systemCpuSeconds)
  return seconds.length === 0 ? null : sum(seconds, (one) => one)
}

/** The median of the system's runs and, when there are several, the least and the most. */
export function metricText(metric: Metric, { runs }: ComparedSystem): string {
  const values = runs.map((run) => metric.of(run.model)).filter((value) => value !== null)
  if (values.length === 0) return '–'
  const middle = metric.text(median(values))
  return values.length === 1
    ? middle
    : `${middle} (${metric.text(Math.min(...values))} to ${metric.text(Math.max(...values))})`
}

export function thresholdNames(systems: readonly ComparedSystem[]): string[] {
  return [
    ...new Set(
      systems.flatMap(({ runs }) =>
        runs.flatMap(({ model }) => model.results.thresholds.map(({ name }) => name)),
      ),
    ),
  ]
}

/** The first run that did not pass a threshold speaks for the system; else the first run. */
export function thresholdOf(
  { runs }: ComparedSystem,
  name: string,
): { verdict: Verdict; text: string } | undefined {
  const all = runs.flatMap(({ model }) =>
    model.results.thresholds.filter((one) => one.name === name).map((one) => ({ model, one })),
  )
  const shown = all.find(({ one }) => one.verdict !== 'pass') ?? all[0]
  return shown && { verdict: shown.one.verdict, text: measuredText(shown.model, name, shown.one.measured) }
}
