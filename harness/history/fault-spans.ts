// Gathers, for each fault, what happened from its injection to the recovery after it: when parts noticed, which reads
// were lost, how slow the others got. Lines may come late (a failed read is reported when it ends), so all goes by time.
import type { FailureLine, FaultLine, StateLine, WindowLine } from './events.ts'

export interface FaultSpan {
  readonly name: string
  readonly target: string
  readonly injectedMs: number
  readonly drawn?: true
  healedMs: number | null
  /** By the evidence of whoever injected it; null when it gave none. */
  touched: { readonly count: number; readonly evidence: string } | null
  /** When the first part said that a backend is down, within the fault. */
  detectedAtMs: number | null
  /** When the last backend that was down during the fault came up again after it was healed. */
  upAgainAtMs: number | null
  /** Backends that went down in it, or were down when it came, and are not yet up again. */
  readonly down: Set<string>
  /** Known reads that failed in the fault or in its aftermath. */
  readsLost: number
  /** When the first known read that it cost was told so. */
  firstLossMs: number | null
  /** When the last known read that failed within the fault was told so. */
  lastLossWithinMs: number | null
  /** When the last known read that failed after the healing was told so. */
  lastLossAfterMs: number | null
  /** The most known reads that failed one after the other; null when none did, or nobody counted. */
  lossesInARow: number | null
  /** The known reads of the seconds the fault overlaps. */
  readonly known: {
    scheduled: number
    stale: number
    slowestMs: number | null
    /** When the first of these seconds began, and the last ended. */
    fromMs: number
    toMs: number
  }
}

const newSpan = (line: FaultLine, downAlready: ReadonlySet<string>): FaultSpan => ({
  name: line.name,
  target: line.target,
  injectedMs: line.atMs,
  ...(line.drawn && { drawn: line.drawn }),
  healedMs: null,
  touched: null,
  detectedAtMs: null,
  upAgainAtMs: null,
  down: new Set(downAlready),
  readsLost: 0,
  firstLossMs: null,
  lastLossWithinMs: null,
  lastLossAfterMs: null,
  lossesInARow: null,
  known: { scheduled: 0, stale: 0, slowestMs: null, fromMs: Number.POSITIVE_INFINITY, toMs: 0 },
})

export class FaultRecorder {
  readonly spans: FaultSpan[] = []
  readonly doubts: string[] = []
  readonly #downNow = new Set<string>()

  addFault(line: FaultLine): void {
    if (line.edge === 'applied') {
      this.spans.push(newSpan(line, this.#downNow))
      return
    }
    const span = this.spans.findLast(
      (s) => s.name === line.name && s.target === line.target && s.healedMs === null,
    )
    if (span === undefined) {
      this.doubts.push(`the fault ${line.name} was healed but never applied`)
      return
    }
    span.healedMs = line.atMs
    span.touched = line.touched ?? null
  }

  addState(line: StateLine): void {
    const subject = `${line.part}/${line.subject}`
    if (/^down/i.test(line.state)) {
      this.#downNow.add(subject)
      for (const span of this.#within(line.atMs)) markDown(span, subject, line.atMs)
    } else if (/^up/i.test(line.state)) {
      this.#downNow.delete(subject)
      const span = this.#after(line.atMs)
      if (span?.down.delete(subject)) span.upAgainAtMs = line.atMs
    }
  }

  addLostRead(line: FailureLine): void {
    const endMs = line.atMs + line.responseMs
    const begunIn = this.#within(line.atMs)
    // A read that was under way when a fault came is that fault's, not the aftermath of the one before.
    const open = begunIn.length > 0 ? begunIn : this.#injectedBetween(line.atMs, endMs)
    for (const span of open) {
      countLoss(span, line)
      span.lastLossWithinMs = Math.max(span.lastLossWithinMs ?? 0, endMs)
    }
    const healed = open.length > 0 ? undefined : this.#after(line.atMs)
    if (healed === undefined) return
    countLoss(healed, line)
    healed.lastLossAfterMs = Math.max(healed.lastLossAfterMs ?? 0, endMs)
  }

  /** A second of known reads; `slowestMs` null when it had none. */
  addKnown({ atMs, widthMs, scheduled, byOutcome }: WindowLine, slowestMs: number | null): void {
    const toMs = atMs + widthMs
    for (const { injectedMs, healedMs, known } of this.spans) {
      if (injectedMs >= toMs || (healedMs ?? Number.POSITIVE_INFINITY) <= atMs) continue
      known.scheduled += scheduled
      known.stale += byOutcome.stale ?? 0
      known.fromMs = Math.min(known.fromMs, atMs)
      known.toMs = Math.max(known.toMs, toMs)
      if (slowestMs !== null) known.slowestMs = Math.max(known.slowestMs ?? 0, slowestMs)
    }
  }

  #within(atMs: number): FaultSpan[] {
    return this.spans.filter((s) => s.injectedMs <= atMs && atMs < (s.healedMs ?? Number.POSITIVE_INFINITY))
  }

  #injectedBetween(fromMs: number, toMs: number): FaultSpan[] {
    return this.spans.filter((s) => fromMs < s.injectedMs && s.injectedMs <= toMs)
  }

  /** The fault healed last before `atMs`, as long as no other is in force. */
  #after(atMs: number): FaultSpan | undefined {
    if (this.#within(atMs).length > 0) return undefined
    const healed = this.spans.filter((s) => s.healedMs !== null && s.healedMs <= atMs)
    return healed.sort((a, b) => a.healedMs! - b.healedMs!).at(-1)
  }
}

function countLoss(span: FaultSpan, { atMs, responseMs, suppressed = 0, inARow }: FailureLine): void {
  span.readsLost += 1 + suppressed
  span.firstLossMs = Math.min(span.firstLossMs ?? Number.POSITIVE_INFINITY, atMs + responseMs)
  if (inARow !== undefined) span.lossesInARow = Math.max(span.lossesInARow ?? 0, inARow)
}

function markDown(span: FaultSpan, subject: string, atMs: number): void {
  span.detectedAtMs ??= atMs
  span.down.add(subject)
}
