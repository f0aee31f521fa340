// Counts arrivals into one-second windows by phase and population. A window is handed on when its second is over and
// everything that was due in it has ended, so that it never has to be corrected.
import type { FailureLine, HistoryLine, Outcome, Population, WindowLine } from '../history/events.ts'
import { okOutcomes } from '../history/events.ts'
import { encodeHistogram, type Histogram, newHistogram, quantileMs, recordMs } from '../history/histogram.ts'
import { SizeCounts } from './size-counts.ts'

const widthMs = 1000
/** Failures told one by one in a window; the rest are summed up in the last one's `suppressed`. */
const failuresTold = 20

export interface Arrival {
  readonly phase: string
  readonly population: Population
  readonly key: string
  readonly requestId: string
  /** Run time at which it was due. */
  readonly intendedMs: number
  /** False when it was sent as soon as another ended: it has no schedule to be late for. */
  readonly isScheduled: boolean
  /** Asks for a part of its object, by Range. */
  readonly isPart?: true
}

/** How an arrival ended. Times are of the run's clock. */
export interface Ended {
  readonly outcome: Outcome
  readonly detail: string
  /** null when it was never sent. */
  readonly sentMs: number | null
  readonly headMs: number | null
  readonly endMs: number
  readonly bytes: number
}

interface Window {
  readonly phase: string
  readonly population: Population
  readonly atMs: number
  scheduled: number
  ended: number
  failures: number
  lastFailure: FailureLine | null
  servedBytes: number
  readonly byOutcome: Partial<Record<Outcome, number>>
  readonly response: Histogram
  readonly service: Histogram
  readonly ttfb: Histogram
  readonly failed: Histogram
}

export class Recorder {
  readonly #emit: (line: HistoryLine) => void
  readonly #nowMs: () => number
  readonly #windows = new Map<string, Window>()
  readonly #doubts = new Set<string>()
  scheduled = 0
  sent = 0
  dropped = 0
  /** Sent minus intended of the scheduled arrivals, by phase. */
  readonly #slips = new Map<string, Histogram>()
  /** Failures since the last that ended ok. */
  readonly #inARow = new Map<Population, number>()
  readonly #sizes = new SizeCounts()

  constructor(emit: (line: HistoryLine) => void, nowMs: () => number) {
    this.#emit = emit
    this.#nowMs = nowMs
  }

  arrived(arrival: Arrival): void {
    this.scheduled++
    this.#windowOf(arrival).scheduled++
  }

  ended(arrival: Arrival, end: Ended): void {
    const window = this.#windowOf(arrival)
    window.ended++
    window.byOutcome[end.outcome] = (window.byOutcome[end.outcome] ?? 0) + 1
    window.servedBytes += arrival.population === 'upload' ? 0 : end.bytes
    if (end.sentMs === null) this.dropped++
    else {
      this.sent++
      if (arrival.isScheduled) recordMs(this.#slipsOf(arrival.phase), end.sentMs - arrival.intendedMs)
    }
    const isOk = okOutcomes.has(end.outcome)
    this.#inARow.set(arrival.population, isOk ? 0 : (this.#inARow.get(arrival.population) ?? 0) + 1)
    if (isOk) this.#recordOk(window, arrival, end)
    else this.#recordFailure(window, arrival, end)
  }

  /** How late 1 % of the scheduled arrivals were sent at least, of one phase or of all, ms; 0 when there were none. */
  slipP99Ms(phase?: string): number {
    const merged = newHistogram()
    for (const [name, slips] of this.#slips) if (phase === undefined || name === phase) merged.add(slips)
    return quantileMs(merged, 0.99) ?? 0
  }

  #slipsOf(phase: string): Histogram {
    const slips = this.#slips.get(phase) ?? newHistogram()
    this.#slips.set(phase, slips)
    return slips
  }

  /** Says once why the counts can't be trusted. */
  doubt(reason: string): void {
    if (this.#doubts.has(reason)) return
    this.#doubts.add(reason)
    this.#emit({ type: 'doubt', atMs: this.#nowMs(), reason })
  }

  #recordOk(window: Window, arrival: Arrival, end: Ended): void {
    recordOk(window, arrival, end)
    const { outcome, bytes, sentMs, headMs, endMs } = end
    if (arrival.population === 'upload' || sentMs === null || headMs === null) return
    const { phase, isPart = false } = arrival
    const times = { ttfbMs: headMs - sentMs, serviceMs: endMs - sentMs }
    this.#sizes.add({ phase, outcome, isPart, bytes, ...times }, endMs)
  }

  #recordFailure(window: Window, arrival: Arrival, { outcome, detail, endMs }: Ended): void {
    const { phase, population, key, requestId, intendedMs } = arrival
    const responseMs = endMs - intendedMs
    recordMs(window.failed, responseMs)
    const isTold = window.failures++ < failuresTold
    const inARow = Math.max(this.#inARow.get(population)!, isTold ? 0 : (window.lastFailure?.inARow ?? 0))
    const line: FailureLine = {
      type: 'failure',
      phase,
      population,
      atMs: intendedMs,
      key,
      outcome,
      responseMs,
      detail,
      requestId,
      inARow,
    }
    if (isTold) this.#emit(line)
    else window.lastFailure = line
  }

  /** Hands on what is complete; `all` takes windows too whose second isn't over. */
  flush(all = false): void {
    const nowMs = this.#nowMs()
    for (const [name, window] of this.#windows) {
      if (window.ended < window.scheduled || (!all && nowMs < window.atMs + widthMs)) continue
      this.#windows.delete(name)
      if (window.lastFailure)
        this.#emit({ ...window.lastFailure, suppressed: window.failures - failuresTold - 1 })
      this.#emit(lineOf(window))
    }
    for (const line of this.#sizes.take(nowMs, all)) this.#emit(line)
  }

  #windowOf({ phase, population, intendedMs }: Arrival): Window {
    const second = Math.floor(intendedMs / widthMs)
    const name = `${phase}\n${population}\n${second}`
    let window = this.#windows.get(name)
    if (window === undefined) {
      window = newWindow(phase, population, second * widthMs)
      this.#windows.set(name, window)
    }
    return window
  }
}

function newWindow(phase: string, population: Population, atMs: number): Window {
  return {
    phase,
    population,
    atMs,
    scheduled: 0,
    ended: 0,
    failures: 0,
    lastFailure: null,
    servedBytes: 0,
    byOutcome: {},
    response: newHistogram(),
    service: newHistogram(),
    ttfb: newHistogram(),
    failed: newHistogram(),
  }
}

function recordOk(window: Window, { intendedMs }: Arrival, { sentMs, headMs, endMs }: Ended): void {
  recordMs(window.response, endMs - intendedMs)
  if (sentMs === null) return
  recordMs(window.service, endMs - sentMs)
  if (headMs !== null) recordMs(window.ttfb, headMs - sentMs)
}

function lineOf(window: Window): WindowLine {
  const { phase, population, atMs, scheduled, byOutcome, servedBytes } = window
  const responseUs = encodeHistogram(window.response)
  const serviceUs = encodeHistogram(window.service)
  const ttfbUs = encodeHistogram(window.ttfb)
  const failedUs = encodeHistogram(window.failed)
  return {
    type: 'window',
    phase,
    population,
    atMs,
    widthMs,
    scheduled,
    byOutcome,
    servedBytes,
    ...(responseUs && { responseUs }),
    ...(serviceUs && { serviceUs }),
    ...(ttfbUs && { ttfbUs }),
    ...(failedUs && { failedUs }),
  }
}
