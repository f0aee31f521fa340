// How long reads that ended ok took, by the object's size and the path that served it. Handed on in pieces that merge
// exactly, a few at a time: encoding costs the generator a tenth of a millisecond each, and its schedule comes first.
import type { Outcome, SizesLine } from '../history/events.ts'
import { encodeHistogram, type Histogram, newHistogram, recordMs } from '../history/histogram.ts'
import { sizeClassOf } from '../history/size-classes.ts'

/** Counts are handed on when they are this old. */
const heldMs = 10_000
/** At a time. */
const most = 2

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

interface Times {
  readonly ttfb: Histogram
  readonly service: Histogram
}

interface Counts extends Times {
  readonly kind: Pick<SizesLine, 'phase' | 'outcome' | 'isPart' | 'upToBytes'>
  readonly sinceMs: number
  reads: number
  bytes: number
}

export class SizeCounts {
  /** The oldest first. */
  readonly #counts = new Map<string, Counts>()
  /** Histograms that have been handed on and are empty again, so that the garbage collector has nothing to do with them. */
  readonly #spare: Times[] = []

  /** `atMs` is the run's time. */
  add({ phase, outcome, isPart, bytes, ttfbMs, serviceMs }: CountedRead, atMs: number): void {
    const upToBytes = sizeClassOf(bytes)
    const id = `${phase}\n${outcome}\n${isPart}\n${upToBytes}`
    let counts = this.#counts.get(id)
    if (counts === undefined) {
      const kind = { phase, outcome, isPart, upToBytes }
      counts = { kind, sinceMs: atMs, reads: 0, bytes: 0, ...(this.#spare.pop() ?? newTimes()) }
      this.#counts.set(id, counts)
    }
    counts.reads += 1
    counts.bytes += bytes
    recordMs(counts.ttfb, ttfbMs)
    recordMs(counts.service, serviceMs)
  }

  /** What is to be handed on now; everything when `all`. */
  take(atMs: number, all: boolean): SizesLine[] {
    const lines: SizesLine[] = []
    for (const [id, counts] of this.#counts) {
      if (!all && (lines.length === most || atMs - counts.sinceMs < heldMs)) break
      this.#counts.delete(id)
      lines.push(lineOf(counts, atMs))
      counts.ttfb.reset()
      counts.service.reset()
      this.#spare.push({ ttfb: counts.ttfb, service: counts.service })
    }
    return lines
  }
}

function newTimes(): Times {
  return { ttfb: newHistogram(), service: newHistogram() }
}

function lineOf({ kind, reads, bytes, ttfb, service }: Counts, atMs: number): SizesLine {
  const [ttfbUs, serviceUs] = [encodeHistogram(ttfb)!, encodeHistogram(service)!]
  return { type: 'sizes', atMs, ...kind, reads, bytes, ttfbUs, serviceUs }
}
