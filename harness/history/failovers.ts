// One row of the failover table from what is known of a fault.
import type { FaultSpan } from './fault-spans.ts'
import type { Failover } from './results-contract.ts'

/**
 * `injectedMs` and `healedMs` are times of the run; `detectedMs` and `switchedMs` count from the injection, `backMs`
 * from the healing. Switched: when the last known read that the fault cost had failed, 0 when it cost none.
 */
export function failoverOf(span: FaultSpan): Failover {
  const sinceInjection = (ms: number | null) => (ms === null ? null : ms - span.injectedMs)
  const backAtMs = Math.max(span.upAgainAtMs ?? 0, span.lastLossAfterMs ?? 0)
  return {
    fault: span.name,
    injectedMs: span.injectedMs,
    detectedMs: sinceInjection(span.detectedAtMs),
    switchedMs: span.readsLost === 0 ? 0 : sinceInjection(span.lastLossWithinMs),
    healedMs: span.healedMs,
    backMs: span.healedMs === null || backAtMs === 0 ? null : backAtMs - span.healedMs,
    readsLost: span.readsLost,
    firstLossMs: sinceInjection(span.firstLossMs),
    lastLossMs: sinceInjection(span.lastLossAfterMs ?? span.lastLossWithinMs),
    lossesInARow: span.lossesInARow,
    outageMs: outageOf(span),
    staleServed: span.known.stale,
    slowestMs: span.known.slowestMs,
  }
}

/** How long nothing would have been served, had the lost reads been all reads of a stretch; null when there were none to lose. */
function outageOf({ readsLost, known: { scheduled, fromMs, toMs } }: FaultSpan): number | null {
  return scheduled === 0 ? null : (readsLost / scheduled) * (toMs - fromMs)
}
