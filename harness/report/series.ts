// One value over time in a bounded number of buckets, beside the timeline: what links carried, what parts held. When a
// run outgrows its buckets, neighbours are merged: amounts add up, of levels the highest stays.

/** [ms since the run began, value]; null where nothing was told. */
export type SeriesPoint = readonly [number, number | null]

const maxBuckets = 720

export class Series {
  readonly #kind: 'amount' | 'level'
  #buckets: (number | null)[] = []
  #widthMs = 1000

  /** `amount`: something counted, its points are per second. `level`: something seen now and then, the highest counts. */
  constructor(kind: 'amount' | 'level') {
    this.#kind = kind
  }

  add(atMs: number, value: number): void {
    this.#makeRoom(atMs)
    const index = Math.floor(Math.max(0, atMs) / this.#widthMs)
    while (this.#buckets.length <= index) this.#buckets.push(null)
    this.#buckets[index] = this.#merged(this.#buckets[index]!, value)
  }

  /** Evenly over the time since the reading before: readings don't come on the second. */
  addOver(fromMs: number, toMs: number, amount: number): void {
    if (toMs <= fromMs) this.add(toMs, amount)
    this.#makeRoom(toMs)
    for (let atMs = fromMs; atMs < toMs; ) {
      const nextMs = Math.min(toMs, (Math.floor(atMs / this.#widthMs) + 1) * this.#widthMs)
      this.add(atMs, (amount * (nextMs - atMs)) / (toMs - fromMs))
      atMs = nextMs
    }
  }

  /** At the middle of each bucket, to four digits. */
  points(): SeriesPoint[] {
    const perSecond = this.#kind === 'amount' ? 1000 / this.#widthMs : 1
    return this.#buckets.map((value, i) => [
      (i + 0.5) * this.#widthMs,
      value === null ? null : Number((value * perSecond).toPrecision(4)),
    ])
  }

  #makeRoom(atMs: number): void {
    while (atMs >= maxBuckets * this.#widthMs) {
      const first = this.#buckets.filter((_, i) => i % 2 === 0)
      this.#buckets = first.map((value, i) => this.#merged(value, this.#buckets[2 * i + 1] ?? null))
      this.#widthMs *= 2
    }
  }

  #merged(a: number | null, b: number | null): number | null {
    if (a === null || b === null) return a ?? b
    return this.#kind === 'amount' ? a + b : Math.max(a, b)
  }
}
