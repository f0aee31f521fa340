// How long reads that ended ok took, by the object's size and the path that served it. Handed on every few seconds, in
// pieces that merge exactly.
import type { Outcome, SizesLine } from '../history/events.ts'
import { encodeHistogram, type Histogram, newHistogram, recordMs } from '../history/histogram.ts'
import { sizeClassOf } from '../history/size-classes.ts'

export interface CountedRead {
  readonly phase: string
  readonly outcome: Outcome
  /** Of a part of an object, by Range: `bytes` are the part's. */
  readonly isPart: boolean
  readonly bytes: number
  /** Both from the first byte sent. */
  readonly ttfbMs: number
  readonly serviceMs: number
}

interface Counts {
  readonly phase: string
  readonly outcome: Outcome
  readonly isPart: boolean
  readonly upToBytes: number | null
  reads: number
  bytes: number
  readonly ttfb: Histogram
  readonly service: Histogram
}

export class SizeCounts {
  readonly #counts = new Map<string, Counts>()

  add({ phase, outcome, isPart, bytes, ttfbMs, serviceMs }: CountedRead): void {
    const upToBytes = sizeClassOf(bytes)
    const id = `${phase}\n${outcome}\n${isPart}\n${upToBytes}`
    const counts = this.#counts.get(id) ?? newCounts({ phase, outcome, isPart, upToBytes })
    this.#counts.set(id, counts)
    counts.reads += 1
    counts.bytes += bytes
    recordMs(counts.ttfb, ttfbMs)
    recordMs(counts.service, serviceMs)
  }

  /** What has been counted since the last time. */
  take(atMs: number): SizesLine[] {
    const lines = [...this.#counts.values()].map(({ ttfb, service, ...rest }) => ({
      type: 'sizes' as const,
      atMs,
      ...rest,
      ttfbUs: encodeHistogram(ttfb)!,
      serviceUs: encodeHistogram(service)!,
    }))
    this.#counts.clear()
    return lines
  }
}

function newCounts(of: Pick<Counts, 'phase' | 'outcome' | 'isPart' | 'upToBytes'>): Counts {
  return { ...of, reads: 0, bytes: 0, ttfb: newHistogram(), service: newHistogram() }
}
