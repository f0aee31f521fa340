// Randomness that a seed repeats: each toxic on each direction of each connection draws from a stream of its own,
// so that what one connection draws doesn't depend on what the others do meanwhile.
import { createHash } from 'node:crypto'
import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64'
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus'
import type { Random } from './toxics/toxic.ts'

/** The stream of randomness for one place, such as (7, 'cache-s3', 12, 'downstream', 'slow'). */
export function randomFor(...place: readonly (string | number)[]): Random {
  const digest = createHash('sha256').update(JSON.stringify(place)).digest()
  const generator = xoroshiro128plus(digest.readInt32BE(0))
  return () => uniformFloat64(generator)
}
