// Counts how often keys that are not stored were asked for, for `min_uses`. Bounded: the keys counted first are
// forgotten first.
const keysKept = 65_536

export class RequestCounts {
  readonly #counts = new Map<string, number>()

  /** Counts one request; true when it is at least the `minUses`-th. The count then starts again. */
  reaches(key: string, minUses: number): boolean {
    if (minUses <= 1) return true
    const count = (this.#counts.get(key) ?? 0) + 1
    this.#counts.delete(key)
    if (count >= minUses) return true
    this.#counts.set(key, count)
    if (this.#counts.size > keysKept) this.#counts.delete(this.#counts.keys().next().value!)
    return false
  }
}
