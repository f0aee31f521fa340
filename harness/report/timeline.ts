// A run over time in a bounded number of buckets: when a run outgrows them, neighbours are merged and each bucket
// becomes twice as wide. Nothing is averaged away: counts add up, latencies keep their bins and their maximum.
import { type Outcome, okOutcomes, type WindowLine } from '../history/events.ts'
import { decodeHistogram } from '../history/histogram.ts'
import {
  addBins,
  addHistogram,
  binCount,
  binQuantileMs,
  binStartMs,
  binsPerDecade,
  emptyBins,
  type LatencyBins,
} from './latency-bins.ts'

const maxBuckets = 720

interface Bucket {
  knownReads: Partial<Record<Outcome, number>>
  /** Never-read objects and uploads. */
  others: { ok: number; failed: number }
  servedBytes: number
  originBytes: number
  originRequests: number
  /** Response times, and service times, of known reads that ended ok. */
  latency: LatencyBins | null
  service: LatencyBins | null
  maxMs: number
  slowestFailureMs: number
}

/** The timeline as plain columns, one value for each bucket: what the charts draw. Rates are per second. */
export interface TimelineColumns {
  readonly widthMs: number
  readonly atMs: readonly number[]
  readonly knownReads: Readonly<Partial<Record<Outcome, readonly number[]>>>
  readonly othersOk: readonly number[]
  readonly othersFailed: readonly number[]
  readonly servedBytes: readonly number[]
  readonly originBytes: readonly number[]
  readonly originRequests: readonly number[]
  /** Of known reads that ended ok, ms; null where there were none. */
  readonly p50Ms: readonly (number | null)[]
  readonly p99Ms: readonly (number | null)[]
  readonly serviceP99Ms: readonly (number | null)[]
  readonly maxMs: readonly (number | null)[]
  /** The slowest failure of any arrival, ms. */
  readonly slowestFailureMs: readonly (number | null)[]
  readonly heat: HeatCells
}

/** A heat map: how many known reads ended ok in each cell of time and latency. */
export interface HeatCells {
  readonly widthMs: number
  readonly columns: number
  /** Lower edges of the rows, ms, and one upper edge. */
  readonly rowEdgesMs: readonly number[]
  /** [column, row, reads], only cells that are not empty. */
  readonly cells: readonly (readonly [number, number, number])[]
}

export class Timeline {
  readonly #buckets: Bucket[] = []
  #widthMs = 1000

  addWindow(line: WindowLine): void {
    const bucket = this.#bucketAt(line.atMs)
    bucket.servedBytes += line.servedBytes
    if (line.failedUs) {
      const slowestMs = decodeHistogram(line.failedUs).maxValue / 1000
      bucket.slowestFailureMs = Math.max(bucket.slowestFailureMs, slowestMs)
    }
    if (line.population === 'known') addKnown(bucket, line)
    else addOthers(bucket, line)
  }

  addOrigin(atMs: number, bytes: number): void {
    const bucket = this.#bucketAt(atMs)
    bucket.originBytes += bytes
    bucket.originRequests += 1
  }

  columns(): TimelineColumns {
    const buckets = this.#buckets
    const seconds = this.#widthMs / 1000
    const rate = (of: (bucket: Bucket) => number) => buckets.map((bucket) => round(of(bucket) / seconds))
    const seen = new Set(buckets.flatMap((bucket) => Object.keys(bucket.knownReads) as Outcome[]))
    const quantile = (q: number, of: 'latency' | 'service' = 'latency') =>
      buckets.map(({ [of]: bins }) => (bins ? roundOrNull(binQuantileMs(bins, q)) : null))
    return {
      widthMs: this.#widthMs,
      atMs: buckets.map((_, i) => i * this.#widthMs),
      knownReads: Object.fromEntries([...seen].map((name) => [name, rate((b) => b.knownReads[name] ?? 0)])),
      othersOk: rate((b) => b.others.ok),
      othersFailed: rate((b) => b.others.failed),
      servedBytes: rate((b) => b.servedBytes),
      originBytes: rate((b) => b.originBytes),
      originRequests: rate((b) => b.originRequests),
      p50Ms: quantile(0.5),
      p99Ms: quantile(0.99),
      serviceP99Ms: quantile(0.99, 'service'),
      maxMs: buckets.map((b) => (b.latency ? round(b.maxMs) : null)),
      slowestFailureMs: buckets.map((b) => (b.slowestFailureMs > 0 ? round(b.slowestFailureMs) : null)),
      heat: heatOf(buckets, this.#widthMs),
    }
  }

  #bucketAt(atMs: number): Bucket {
    let index = Math.floor(Math.max(0, atMs) / this.#widthMs)
    while (index >= maxBuckets) {
      this.#halve()
      index = Math.floor(atMs / this.#widthMs)
    }
    while (this.#buckets.length <= index) this.#buckets.push(emptyBucket())
    return this.#buckets[index]!
  }

  #halve(): void {
    const merged: Bucket[] = []
    for (let i = 0; i < this.#buckets.length; i += 2) {
      const pair = this.#buckets[i + 1]
      merged.push(pair ? mergeBuckets(this.#buckets[i]!, pair) : this.#buckets[i]!)
    }
    this.#buckets.splice(0, this.#buckets.length, ...merged)
    this.#widthMs *= 2
  }
}

function emptyBucket(): Bucket {
  return {
    knownReads: {},
    others: { ok: 0, failed: 0 },
    servedBytes: 0,
    originBytes: 0,
    originRequests: 0,
    latency: null,
    service: null,
    maxMs: 0,
    slowestFailureMs: 0,
  }
}

function mergeBuckets(into: Bucket, from: Bucket): Bucket {
  for (const [outcome, count] of Object.entries(from.knownReads) as [Outcome, number][]) {
    into.knownReads[outcome] = (into.knownReads[outcome] ?? 0) + count
  }
  into.others.ok += from.others.ok
  into.others.failed += from.others.failed
  into.servedBytes += from.servedBytes
  into.originBytes += from.originBytes
  into.originRequests += from.originRequests
  into.maxMs = Math.max(into.maxMs, from.maxMs)
  into.slowestFailureMs = Math.max(into.slowestFailureMs, from.slowestFailureMs)
  into.latency = mergedBins(into.latency, from.latency)
  into.service = mergedBins(into.service, from.service)
  return into
}

function mergedBins(into: LatencyBins | null, from: LatencyBins | null): LatencyBins | null {
  if (into && from) addBins(into, from)
  return into ?? from
}

function addKnown(bucket: Bucket, line: WindowLine): void {
  for (const [outcome, count] of counts(line)) {
    bucket.knownReads[outcome] = (bucket.knownReads[outcome] ?? 0) + count
  }
  if (line.serviceUs) {
    bucket.service ??= emptyBins()
    addHistogram(bucket.service, line.serviceUs)
  }
  if (!line.responseUs) return
  bucket.latency ??= emptyBins()
  bucket.maxMs = Math.max(bucket.maxMs, addHistogram(bucket.latency, line.responseUs))
}

function addOthers(bucket: Bucket, line: WindowLine): void {
  for (const [outcome, count] of counts(line)) {
    bucket.others[okOutcomes.has(outcome) ? 'ok' : 'failed'] += count
  }
}

function counts(line: WindowLine): [Outcome, number][] {
  return Object.entries(line.byOutcome) as [Outcome, number][]
}

const heatColumns = 180
export const heatRowsPerDecade = 12
const binsPerRow = binsPerDecade / heatRowsPerDecade

function heatOf(buckets: readonly Bucket[], widthMs: number): HeatCells {
  const perColumn = Math.max(1, Math.ceil(buckets.length / heatColumns))
  const columns: LatencyBins[] = []
  for (let i = 0; i < buckets.length; i += perColumn) {
    const sum = emptyBins()
    for (const bucket of buckets.slice(i, i + perColumn)) if (bucket.latency) addBins(sum, bucket.latency)
    columns.push(sum)
  }
  const [firstRow, lastRow] = rowRange(columns)
  const cells: [number, number, number][] = []
  columns.forEach((bins, column) => {
    for (let row = firstRow; row <= lastRow; row += 1) {
      const count = rowCount(bins, row)
      if (count > 0) cells.push([column, row - firstRow, count])
    }
  })
  const rowEdgesMs = Array.from({ length: lastRow - firstRow + 2 }, (_, i) =>
    round(binStartMs((firstRow + i) * binsPerRow)),
  )
  return { widthMs: widthMs * perColumn, columns: columns.length, rowEdgesMs, cells }
}

function rowCount(bins: LatencyBins, row: number): number {
  let count = 0
  for (let i = row * binsPerRow; i < (row + 1) * binsPerRow; i += 1) count += bins[i]!
  return count
}

/** First and last row, from a whole decade on, so that every twelfth row starts at a power of ten. */
function rowRange(columns: readonly LatencyBins[]): [number, number] {
  const used = Array.from({ length: binCount / binsPerRow }, (_, row) =>
    columns.some((bins) => rowCount(bins, row) > 0),
  )
  const first = used.indexOf(true)
  return first < 0 ? [0, 0] : [first - (first % heatRowsPerDecade), used.lastIndexOf(true)]
}

/** Four significant digits are more than a chart can show, and keep the page small. */
function round(value: number): number {
  return Number(value.toPrecision(4))
}

function roundOrNull(value: number | null): number | null {
  return value === null ? null : round(value)
}
