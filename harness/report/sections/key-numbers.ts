// The handful of numbers a reader wants first, computed once for the page, the pull request and the terminal.
import { bytes, count, duration, latency, percent, plural } from '../format.ts'
import type { PhaseRow, ReportModel } from '../model.ts'
import { lengthMs } from '../spans.ts'
import { savedText } from './ledger.ts'

export interface KeyNumber {
  readonly name: string
  readonly value: string
  readonly note: string
  readonly mood: 'good' | 'bad' | 'plain'
}

export function keyNumbers(model: ReportModel): KeyNumber[] {
  return [answered(model), staleServed(model), originDowntime(model), tailLatency(model), saved(model)]
}

/**
 * Phases in which a fault was in force, and those before the first fault; a control phase is neither. A fault that
 * was healed as the next phase began, or for a tenth of it, does not count there.
 */
export function phasesByFault(model: ReportModel): { during: PhaseRow[]; before: PhaseRow[] } {
  const own = model.phases.filter((phase) => !phase.control)
  const firstMs = Math.min(...model.faults.map((fault) => fault.startMs))
  const faultyShare = (phase: PhaseRow) => faultMs(model, phase) / Math.max(1, lengthMs(phase, model.endMs))
  return {
    during: own.filter((phase) => faultyShare(phase) >= 0.1),
    before: own.filter((phase) => (phase.endMs ?? model.endMs) <= firstMs + 1),
  }
}

function answered(model: ReportModel): KeyNumber {
  const { during } = phasesByFault(model)
  const phases = during.length > 0 ? during : model.phases.filter((phase) => !phase.control)
  const scheduled = sum(phases, (phase) => phase.populations.known.scheduled)
  const ok = sum(phases, (phase) => phase.populations.known.ok)
  const where = during.length > 0 ? 'while the faults lasted' : 'in the whole run'
  return {
    name: 'Known reads answered',
    value: scheduled === 0 ? '–' : percent(ok / scheduled),
    note: `${count(ok)} of ${count(scheduled)} ${where}; ${plural(scheduled - ok, 'failed', 'failed')}`,
    mood: scheduled === 0 ? 'plain' : ok === scheduled ? 'good' : 'bad',
  }
}

/** How many were scheduled in the whole run. */
export function knownReads({ phases }: ReportModel): number {
  return sum(phases, (phase) => phase.populations.known.scheduled)
}

function staleServed(model: ReportModel): KeyNumber {
  const stale = sum(model.phases, (phase) => phase.populations.known.byOutcome.stale)
  return {
    name: 'Served stale',
    value: knownReads(model) === 0 ? '–' : count(stale),
    note: 'known reads answered with an object past its freshness: S3 was away, or being asked',
    mood: 'plain',
  }
}

/** Wall time within the stretch during which at least one fault was in force, ms. */
function faultMs(
  model: ReportModel,
  within: Pick<PhaseRow, 'startMs' | 'endMs'> = { startMs: 0, endMs: null },
): number {
  const spans = model.faults
    .map(
      (fault) => [fault.startMs, Math.min(fault.endMs ?? model.endMs, within.endMs ?? model.endMs)] as const,
    )
    .sort((a, b) => a[0] - b[0])
  let total = 0
  let reachedMs = within.startMs
  for (const [startMs, endMs] of spans) {
    total += Math.max(0, endMs - Math.max(startMs, reachedMs))
    reachedMs = Math.max(reachedMs, endMs)
  }
  return total
}

function originDowntime(model: ReportModel): KeyNumber {
  const { speed } = model.results
  const recorded = model.downtimes
    .filter((line) => line.measuredMs > 0)
    .map((line) => `${line.part} recorded ${line.backend} down for ${duration(line.measuredMs * speed)}`)
  return {
    name: 'Faults in force',
    value: duration(faultMs(model) * speed),
    note:
      recorded.length > 0
        ? recorded.slice(0, 2).join('; ')
        : `of calendar time, in ${plural(model.faults.length, 'fault')}`,
    mood: 'plain',
  }
}

function tailLatency(model: ReportModel): KeyNumber {
  const { during, before } = phasesByFault(model)
  const worst = maxOf(during, (phase) => phase.populations.known.p99Ms)
  const last = before.at(-1)
  const steady = last?.populations.known.p99Ms ?? null
  const ratio = worst !== null && steady ? `${(worst / steady).toFixed(2)} × ` : ''
  return {
    name: during.length > 0 ? 'p99 while faulty' : 'p99',
    value: latency(during.length > 0 ? worst : steady),
    note:
      during.length > 0 && last
        ? `worst phase; ${ratio}${last.name}’s ${latency(steady)}`
        : 'of known reads, response time',
    mood: 'plain',
  }
}

function saved(model: ReportModel): KeyNumber {
  const { savedRatio, servedBytes, originBytes } = model.results.bandwidth
  return {
    name: 'S3 bandwidth saved',
    value: savedRatio === null ? '–' : savedText(savedRatio),
    note: `${bytes(servedBytes)} served, ${bytes(originBytes)} from S3, warming up included`,
    mood: 'plain',
  }
}

export function sum<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((total, item) => total + of(item), 0)
}

/** null when there is none. */
export function maxOf<T>(items: readonly T[], of: (item: T) => number | null): number | null {
  const values = items.map(of).filter((value) => value !== null)
  return values.length === 0 ? null : Math.max(...values)
}
