// Failures by what failed and how, with the first, the last and one example of each: the errors-first table.
import type { FailureLine, Outcome, Population } from '../history/events.ts'

export interface FailureGroup {
  readonly population: Population
  readonly phase: string
  readonly outcome: Outcome
  count: number
  firstMs: number
  lastMs: number
  slowestMs: number
  readonly example: { readonly key: string; readonly requestId: string; readonly detail: string }
}

export class FailureGroups {
  readonly #groups = new Map<string, FailureGroup>()

  add(line: FailureLine): void {
    const id = `${line.population} ${line.outcome} ${line.phase}`
    const group = this.#groups.get(id) ?? newGroup(line)
    this.#groups.set(id, group)
    group.count += 1 + (line.suppressed ?? 0)
    group.firstMs = Math.min(group.firstMs, line.atMs)
    group.lastMs = Math.max(group.lastMs, line.atMs)
    group.slowestMs = Math.max(group.slowestMs, line.responseMs)
  }

  /** Failures of known reads first, for these are what must not happen; then the most frequent. */
  list(): FailureGroup[] {
    return [...this.#groups.values()].sort(
      (a, b) => Number(b.population === 'known') - Number(a.population === 'known') || b.count - a.count,
    )
  }
}

function newGroup(line: FailureLine): FailureGroup {
  const { population, phase, outcome, key, requestId, detail, atMs } = line
  return {
    population,
    phase,
    outcome,
    count: 0,
    firstMs: atMs,
    lastMs: atMs,
    slowestMs: 0,
    example: { key, requestId, detail: detail.slice(0, 500) },
  }
}
