// The verdict on a run: each threshold measured and compared, and whether the run can be believed at all.
import type { FaultSpan } from '../history/fault-spans.ts'
import type { ThresholdResult, Verdict } from '../history/results-contract.ts'
import type { PhaseSummary, Summary } from '../history/summary.ts'
import { measure } from './measure.ts'
import type { Limit, Measure, Threshold } from './threshold.ts'
import { inUnit } from './units.ts'

export interface Judgement {
  readonly verdict: Verdict
  /** One sentence for a person. */
  readonly reason: string
  readonly thresholds: readonly ThresholdResult[]
}

/** Fail when a threshold is broken; else unknown when anything casts doubt; else pass. Never a pass on no data. */
export function judge(summary: Summary): Judgement {
  const thresholds = (summary.run?.thresholds ?? []).map((threshold) => judgeThreshold(threshold, summary))
  const failed = thresholds.filter(({ verdict }) => verdict === 'fail')
  if (failed.length > 0) return { verdict: 'fail', reason: failureReason(failed, summary), thresholds }
  const doubt = doubtsOf(summary, thresholds)[0]
  if (doubt !== undefined) return { verdict: 'unknown', reason: doubt, thresholds }
  return { verdict: 'pass', reason: passReason(summary), thresholds }
}

/**
 * Compares one threshold; with nothing to measure, or nothing to compare with, it is unknown. What never happened
 * (a recovery) has no number: `measured` is null then, and the verdict fail.
 */
export function judgeThreshold(threshold: Threshold, summary: Summary): ThresholdResult {
  const { name, phase, must } = threshold
  const measured = measure(threshold.measure, summary)
  const limit = limitOf('atLeast' in must ? must.atLeast : must.atMost, summary)
  const expression = `${describe(threshold.measure)} ${'atLeast' in must ? '≥' : '≤'} ${describeLimit(threshold, limit)}`
  return {
    name,
    phase,
    expression,
    measured: measured !== undefined && Number.isFinite(measured) ? measured : null,
    limit: limit ?? null,
    verdict: isBlurred(threshold, limit, summary) ? 'unknown' : compare(measured, limit, 'atLeast' in must),
  }
}

function compare(measured: number | undefined, limit: number | undefined, isMinimum: boolean): Verdict {
  if (measured === undefined || limit === undefined) return 'unknown'
  return (isMinimum ? measured >= limit : measured <= limit) ? 'pass' : 'fail'
}

function limitOf(limit: Limit, summary: Summary): number | undefined {
  if (typeof limit === 'number') return limit
  const base = measure(limit.of, summary)
  return base === undefined ? undefined : limit.times * base
}

function describe(wanted: Measure): string {
  const phases =
    'phases' in wanted ? wanted.phases.join('+') : 'phase' in wanted ? wanted.phase : wanted.fault
  const what = [
    wanted.kind,
    'population' in wanted ? wanted.population : '',
    'timing' in wanted ? `${wanted.timing} p${wanted.quantile * 100}` : '',
    'outcomes' in wanted ? wanted.outcomes.join('|') : '',
    'backend' in wanted ? wanted.backend : '',
    'column' in wanted ? wanted.column : '',
    'which' in wanted ? wanted.which : '',
    'by' in wanted ? `by ${wanted.by}` : '',
    'since' in wanted ? `since ${wanted.since}` : '',
  ]
  return `${what.filter((word) => word !== '').join(' ')} [${phases}]`
}

function describeLimit({ must }: Threshold, value: number | undefined): string {
  const limit = 'atLeast' in must ? must.atLeast : must.atMost
  if (typeof limit === 'number') return String(limit)
  return `${limit.times} × ${describe(limit.of)}${value === undefined ? '' : ` = ${Number(value.toPrecision(4))}`}`
}

/** Why the run can't be believed, most telling first. */
function doubtsOf(summary: Summary, thresholds: readonly ThresholdResult[]): string[] {
  const idle = idleFaults(summary)
  const slipMs = summary.generator?.slipP99Ms ?? 0
  const unmeasured = thresholds
    .filter(({ verdict }) => verdict === 'unknown')
    .map(({ name, measured }) =>
      measured === null
        ? `there is no data for "${name}"`
        : `"${name}" can't be judged: the load generator was late itself, ${late(slipMs)}`,
    )
  const empty = thresholds.length === 0 ? ['nothing was demanded of this run'] : []
  return [...summary.doubts, ...idle, ...lateness(summary), ...unmeasured, ...empty]
}

/** A fault that touched nothing proved nothing; of faults drawn at random one at least must have touched something. */
function idleFaults({ faults }: Summary): string[] {
  const untouched = faults.filter(({ touched }) => touched === null || touched.count === 0)
  const drawn = faults.filter((fault) => fault.drawn)
  const idleDrawn = untouched.filter((fault) => fault.drawn)
  const none = drawn.length > 0 && idleDrawn.length === drawn.length
  return [
    ...untouched
      .filter((fault) => !fault.drawn)
      .map(
        ({ name, target }) => `the fault "${name}" on ${target} touched no traffic, so nothing was proved`,
      ),
    ...(none ? [`none of the ${drawn.length} faults drawn at random touched any traffic`] : []),
  ]
}

/** Slip up to this is the noise of a shared machine, ms; it can only make a system look slower than it is. */
const harmlessSlipMs = 20
/** A schedule kept worse than this is no schedule, whatever the limits are, ms. */
const worstSlipMs = 100

function lateness(summary: Summary): string[] {
  const slipMs = summary.generator?.slipP99Ms ?? 0
  return slipMs <= worstSlipMs ? [] : [`the load generator could not keep its schedule: ${late(slipMs)}`]
}

const late = (slipMs: number) => `1 % of arrivals were sent ${slipMs.toFixed(1)} ms late or more`

/**
 * Response times count from the intended start, so a late generator stands in them. It must be small against the
 * limit: a tenth of a fixed one. Of a limit relative to another phase, where the lateness stands on both sides and
 * would make unequal things look equal, half at most.
 */
function isBlurred({ measure, must }: Threshold, limitMs: number | undefined, summary: Summary): boolean {
  if (measure.kind !== 'quantile' || measure.timing !== 'responseMs' || limitMs === undefined) return false
  const isFixed = typeof ('atMost' in must ? must.atMost : must.atLeast) === 'number'
  const allowedMs = isFixed ? Math.max(harmlessSlipMs, limitMs / 10) : limitMs / 2
  return (summary.generator?.slipP99Ms ?? 0) > allowedMs
}

function failureReason(failed: readonly ThresholdResult[], { run }: Summary): string {
  const { name, measured, limit } = failed[0]!
  const more = failed.length > 1 ? `, and ${failed.length - 1} more` : ''
  const { measure, must } = run!.thresholds.find((threshold) => threshold.name === name)!
  const demand = `${'atLeast' in must ? 'at least' : 'at most'} ${inUnit(measure, limit!)}`
  return `not met: ${name} (${measured === null ? 'never' : inUnit(measure, measured)}; must be ${demand})${more}`
}

function passReason(summary: Summary): string {
  const during = summary.phases.filter((phase) => isUnderFault(phase, summary))
  const scheduled = during.reduce((total, phase) => total + phase.populations.known.scheduled, 0)
  const ok = during.reduce((total, phase) => total + phase.populations.known.ok, 0)
  const faults = [...new Set(summary.faults.map(({ name }) => name))].join(', ')
  if (scheduled === 0) return 'every threshold was met'
  return `reads continued: ${whole(ok)} of ${whole(scheduled)} reads of known objects were answered right during: ${faults}`
}

/** A fault that is healed a few milliseconds into the next phase is no part of that phase. */
const touchingShare = 0.1

function isUnderFault(phase: PhaseSummary, summary: Summary): boolean {
  const endMs = phase.endMs ?? summary.endMs
  const coveredMs = ({ injectedMs, healedMs }: FaultSpan) =>
    Math.min(endMs, healedMs ?? summary.endMs) - Math.max(phase.startMs, injectedMs)
  return summary.faults.some((fault) => coveredMs(fault) > touchingShare * (endMs - phase.startMs))
}

function whole(value: number): string {
  return value.toLocaleString('en')
}
