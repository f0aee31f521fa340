// How much slower or faster one run was than another, phase by phase.

import { relative } from 'node:path'
import type { ComparedResult, QuantileRatio } from '../history/results-contract.ts'
import type { ComparedRun } from './compared.ts'
import type { ReportModel } from './model.ts'
import { ratioEstimate } from './quantile-interval.ts'

/**
 * Response times of known reads in `other` over those in `base`, for each phase that both have and each quantile that
 * both have enough reads for.
 */
export function ratiosOf(other: ReportModel, base: ReportModel): QuantileRatio[] {
  return other.quantiles.flatMap(({ phase, estimates }) => {
    const baseEstimates = base.quantiles.find((one) => one.phase === phase)?.estimates ?? []
    return estimates.flatMap((estimate) => {
      const to = baseEstimates.find(({ quantile }) => quantile === estimate.quantile)
      return to ? [{ phase, quantile: estimate.quantile, ...ratioEstimate(estimate, to) }] : []
    })
  })
}

/** What results.json says of a run that `base`, in its folder, was compared with. */
export function comparedResult(
  { runDir, model }: ComparedRun,
  base: ReportModel,
  baseDir: string,
): ComparedResult {
  const { system, verdict, reason, bandwidth, failovers } = model.results
  const phases = model.phases.map(({ name, populations: { known } }) => ({
    name,
    knownReadsLost: known.failed,
    p50Ms: known.p50Ms,
    p99Ms: known.p99Ms,
    slowestMs: known.maxMs,
  }))
  return {
    system,
    folder: relative(baseDir, runDir),
    verdict,
    reason,
    knownReadsLost: phases.reduce((sum, phase) => sum + phase.knownReadsLost, 0),
    phases,
    bandwidth,
    failovers,
    ratios: ratiosOf(model, base),
  }
}
