// Seeded randomness, one independent stream a purpose: a new consumer never shifts what the others draw.
import { hash } from 'node:crypto'
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus'

/** Draws uniformly from [0, 1). The same seed and purpose give the same numbers. */
export type Draw = () => number

export function randomStream(seed: number, purpose: string): Draw {
  const start = Buffer.from(hash('sha256', `${seed}:${purpose}`, 'buffer')).readInt32LE(0)
  const generator = xoroshiro128plus(start)
  return () => (generator.next() >>> 0) / 2 ** 32
}

/** The items in an order that the stream decides (Fisher and Yates). */
export function shuffled<Item>(items: readonly Item[], draw: Draw): Item[] {
  const order = [...items]
  for (let i = order.length - 1; i > 0; i--) {
    const j = Math.floor(draw() * (i + 1))
    const item = order[i]!
    order[i] = order[j]!
    order[j] = item
  }
  return order
}
