// What each arrival asks for: drawn from the seed, never from how the system answers. No clock, no sockets.
import type { Population } from '../history/events.ts'
import type { Popularity, Shares } from './messages.ts'
import type { LoadObject } from './objects.ts'
import { type Draw, randomStream, shuffled } from './random.ts'
import type { Part } from './witness.ts'

/** Draws known objects by popularity (the rule stands at `Popularity`). The seed deals the ranks, the same in each phase. */
export function popularityPicker(
  known: readonly LoadObject[],
  rule: Popularity,
  seed: number,
  draw: Draw,
): () => LoadObject {
  const big = known.filter((object) => object.bytes > rule.bigObjectBytes)
  const ranked = shuffled(
    known.filter((object) => object.bytes <= rule.bigObjectBytes),
    randomStream(seed, 'popularity'),
  )
  const pickRanked = zipfPicker(ranked, rule.zipf, draw)
  const pickBig = () => big[Math.floor(draw() * big.length)]!
  if (ranked.length === 0) return pickBig
  if (big.length === 0) return pickRanked
  return () => (draw() < rule.bigObjectShare ? pickBig() : pickRanked())
}

function zipfPicker(ranked: readonly LoadObject[], exponent: number, draw: Draw): () => LoadObject {
  const cumulative = new Float64Array(ranked.length)
  let total = 0
  for (let rank = 0; rank < ranked.length; rank++) {
    total += 1 / (rank + 1) ** exponent
    cumulative[rank] = total
  }
  return () => ranked[firstAbove(cumulative, draw() * total)]!
}

/** Index of the first element above `value` in an ascending array whose last element is. */
function firstAbove(ascending: Float64Array, value: number): number {
  let low = 0
  let high = ascending.length - 1
  while (low < high) {
    const middle = (low + high) >>> 1
    if (ascending[middle]! > value) high = middle
    else low = middle + 1
  }
  return low
}

export function populationPicker(shares: Shares, draw: Draw): () => Population {
  return () => {
    const at = draw()
    if (at < shares.upload) return 'upload'
    return at < shares.upload + shares.neverRead ? 'never-read' : 'known'
  }
}

/** Which bytes a read asks for, in the three forms that a Range header has (RFC 9110 §14.1.2); null for the whole object. */
export function partPicker(share: number, draw: Draw): (bytes: number) => Part | null {
  return (bytes) => (draw() < share ? pickPart(bytes, draw) : null)
}

/** Lengths are spread evenly over the orders of magnitude. */
function pickPart(bytes: number, draw: Draw): Part {
  const length = Math.max(1, Math.floor(bytes ** draw()))
  const first = Math.floor(draw() * (bytes - length + 1))
  const last = bytes - 1
  const form = draw()
  if (form < 1 / 4) return { first, last, range: `bytes=${first}-` }
  if (form < 1 / 2) return { first: bytes - length, last, range: `bytes=-${length}` }
  return { first, last: first + length - 1, range: `bytes=${first}-${first + length - 1}` }
}

/** A sample of `count` objects spread evenly over the sizes, in an order that the seed decides. */
export function sampleBySize(objects: readonly LoadObject[], count: number, seed: number): LoadObject[] {
  const bySize = [...objects].sort((a, b) => a.bytes - b.bytes || (a.key < b.key ? -1 : 1))
  const draw = randomStream(seed, 'cold-sample')
  const step = bySize.length / Math.min(count, bySize.length)
  const sample = Array.from(
    { length: Math.min(count, bySize.length) },
    (_, i) => bySize[Math.floor((i + draw()) * step)]!,
  )
  return shuffled(sample, draw)
}
