// Counts of the arrivals so far, kept while a run goes on: steady state and the proofs of faults are decided on them.
import { type HistoryLine, okOutcomes, type Population } from '../history/events.ts'

interface Count {
  readonly atMs: number
  readonly phase: string
  readonly population: Population
  readonly scheduled: number
  readonly ok: number
}

/** How much of the past `failuresSince` can answer for: longer than any phase with a fault that asks, in seconds of windows. */
const keptWindows = 200_000

/** Sums windows as they come in; one number triple a window, bounded. */
export class Tally {
  #counts: Count[] = []
  readonly #byPhase = new Map<string, { scheduled: number; ok: number }>()
  readonly #wrongBytes = new Map<string, number>()

  add(line: HistoryLine): void {
    if (line.type !== 'window') return
    let ok = 0
    for (const [outcome, n] of Object.entries(line.byOutcome)) {
      if (okOutcomes.has(outcome as never)) ok += n
    }
    this.#counts.push({
      atMs: line.atMs,
      phase: line.phase,
      population: line.population,
      scheduled: line.scheduled,
      ok,
    })
    if (this.#counts.length > keptWindows) this.#counts = this.#counts.slice(-keptWindows / 2)
    const key = `${line.phase} ${line.population}`
    const sum = this.of(line.phase, line.population)
    this.#byPhase.set(key, { scheduled: sum.scheduled + line.scheduled, ok: sum.ok + ok })
    this.#wrongBytes.set(line.phase, this.wrongBytesIn(line.phase) + (line.byOutcome.corrupt ?? 0))
  }

  of(phase: string, population: Population): { scheduled: number; ok: number } {
    return this.#byPhase.get(`${phase} ${population}`) ?? { scheduled: 0, ok: 0 }
  }

  /** Arrivals of a phase whose client got wrong bytes as if they were right. */
  wrongBytesIn(phase: string): number {
    return this.#wrongBytes.get(phase) ?? 0
  }

  /** Arrivals of any population, intended at or after `sinceMs`, that did not end ok. */
  failuresSince(sinceMs: number): number {
    let failures = 0
    for (let i = this.#counts.length - 1; i >= 0; i--) {
      const count = this.#counts[i]!
      if (count.atMs >= sinceMs) failures += count.scheduled - count.ok
    }
    return failures
  }
}
