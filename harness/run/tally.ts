// Counts of the arrivals so far, kept while a run goes on: steady state and the proofs of faults are decided on them.
import { type HistoryLine, okOutcomes, type Population, populations } from '../history/events.ts'

/** Failed arrivals that were due at `atMs`. */
interface Failures {
  readonly atMs: number
  readonly count: number
}

/** How much of the past `failuresSince` can answer for, in lines: far more than any phase has. */
const keptFailures = 200_000

/** Sums windows as they come in, and failures, which are told earlier than the window they belong to. */
export class Tally {
  #failures: Failures[] = []
  readonly #byPhase = new Map<string, { scheduled: number; ok: number }>()
  readonly #wrongBytes = new Map<string, number>()
  #strangersServed = 0

  add(line: HistoryLine): void {
    if (line.type === 'stranger' && line.isServed) this.#strangersServed++
    if (line.type === 'failure') this.#addFailures({ atMs: line.atMs, count: 1 + (line.suppressed ?? 0) })
    if (line.type !== 'window') return
    let ok = 0
    for (const [outcome, n] of Object.entries(line.byOutcome)) {
      if (okOutcomes.has(outcome as never)) ok += n
    }
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

  /** Clients without credentials who have been served so far. */
  get strangersServed(): number {
    return this.#strangersServed
  }

  /** Arrivals of a phase, of any population, that did not end ok, once their windows are in. */
  failuresIn(phase: string): number {
    return populations.reduce((failures, population) => {
      const { scheduled, ok } = this.of(phase, population)
      return failures + scheduled - ok
    }, 0)
  }

  /** Arrivals of any population, intended at or after `sinceMs`, that did not end ok. */
  failuresSince(sinceMs: number): number {
    return this.#failures.reduce((sum, { atMs, count }) => (atMs >= sinceMs ? sum + count : sum), 0)
  }

  #addFailures(failures: Failures): void {
    this.#failures.push(failures)
    if (this.#failures.length > keptFailures) this.#failures = this.#failures.slice(-keptFailures / 2)
  }
}
