// The objects of the synthetic origin: which there are, how large, and what their bytes are. All of it follows from a
// seed and a number of objects.
import { createHash } from 'node:crypto'
import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64'
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus'
import type { ManifestObject } from './handle.ts'
import { deal } from './roles.ts'
import { syntheticPieces } from './synthetic-body.ts'

/**
 * Different bodies; objects beyond share them in turn, so that a million objects cost no more to digest at the start
 * than this many.
 */
const maxBodies = 4096

// Sizes are log-normal, as artifact stores have them: many small files and a long tail.
const medianBytes = 12_000
const sigma = 1.6
const maxBytes = 32 * 2 ** 20

interface SyntheticBody {
  readonly seed: string
  readonly bytes: number
  readonly sha256: string
  readonly md5: string
}

export interface SyntheticObject extends ManifestObject {
  /** For `syntheticPieces`. */
  readonly seed: string
}

/** The objects in the manifest's order. */
export function syntheticObjects(seed: number, count: number): SyntheticObject[] {
  const bodies = makeBodies(seed, Math.min(count, maxBodies))
  return Array.from({ length: count }, (_, i) => {
    const { role, prefix } = deal(i, count)
    const folder = (i % 256).toString(16).padStart(2, '0')
    return { key: `${prefix}synthetic/${folder}/${i}.bin`, role, ...bodies[i % bodies.length]! }
  })
}

/** Known objects of the sizes asked for, bytes, beside a data set. */
export function sizedObjects(seed: number, sizes: readonly number[]): SyntheticObject[] {
  return sizes.map((bytes, i) => ({
    key: `large/${i + 1}.bin`,
    role: 'known',
    ...digested(`${seed}/large/${i}`, bytes),
  }))
}

function makeBodies(seed: number, count: number): SyntheticBody[] {
  const generator = xoroshiro128plus(seed)
  const draw = () => uniformFloat64(generator)
  return Array.from({ length: count }, (_, i) => digested(`${seed}/${i}`, drawBytes(draw)))
}

/** Box–Muller: a normal deviate from two uniform ones. */
function drawBytes(draw: () => number): number {
  const normal = Math.sqrt(-2 * Math.log(1 - draw())) * Math.cos(2 * Math.PI * draw())
  return Math.min(maxBytes, Math.max(1, Math.round(medianBytes * Math.exp(sigma * normal))))
}

function digested(seed: string, bytes: number): SyntheticBody {
  const sha256 = createHash('sha256')
  const md5 = createHash('md5')
  for (const piece of syntheticPieces(seed, 0, bytes - 1)) {
    sha256.update(piece)
    md5.update(piece)
  }
  return { seed, bytes, sha256: sha256.digest('hex'), md5: md5.digest('hex') }
}
