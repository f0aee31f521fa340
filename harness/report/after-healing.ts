// What reached the origin after the last healing, second by second: each object's first fetch, and what came on top. One
// fetch for each object is what caches that share their fetches need at the most.
import type { HistoryLine, OriginLine } from '../history/events.ts'

export const secondsAfterHeal = 45

/** Requests in each second; index 0 is the second of the healing. */
export interface AfterHealing {
  readonly healedMs: number
  /** Whole objects that nobody had fetched since the healing. */
  readonly firstFetches: readonly number[]
  /** Whole objects that had been fetched since the healing already. */
  readonly fetchedAgain: readonly number[]
  /** Uploads, probes, parts of objects, and what the origin refused. */
  readonly others: readonly number[]
}

export class HealingRecorder {
  #healedMs: number | null = null
  #fetched = new Set<string>()
  #counts = emptyCounts()

  add(line: HistoryLine): void {
    if (line.type === 'origin') this.#addRequest(line)
    else if (line.type === 'fault' && line.edge === 'healed') {
      this.#healedMs = line.atMs
      this.#fetched = new Set()
      this.#counts = emptyCounts()
    }
  }

  /** Null when nothing was healed. */
  snapshot(): AfterHealing | null {
    return this.#healedMs === null ? null : { healedMs: this.#healedMs, ...this.#counts }
  }

  #addRequest(line: OriginLine): void {
    if (this.#healedMs === null || line.atMs < this.#healedMs) return
    const second = Math.floor(line.atMs / 1000) - Math.floor(this.#healedMs / 1000)
    if (second >= secondsAfterHeal) return
    this.#counts[this.#kindOf(line)][second]! += 1
  }

  #kindOf({ method, key, status, range }: OriginLine): keyof ReturnType<typeof emptyCounts> {
    if (method !== 'GET' || key === '' || range !== undefined || status >= 400) return 'others'
    if (this.#fetched.has(key)) return 'fetchedAgain'
    this.#fetched.add(key)
    return 'firstFetches'
  }
}

function emptyCounts() {
  const zeros = () => Array.from({ length: secondsAfterHeal }, () => 0)
  return { firstFetches: zeros(), fetchedAgain: zeros(), others: zeros() }
}
