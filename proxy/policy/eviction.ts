// Chooses what leaves a full cache. Pure: keys are small integers the caller hands out, sizes are bytes, and the
// answer is the list of ids to drop; the caller deletes. The planner replays logs through these same functions.
import { createLru } from './eviction-lru.ts'
import { createS3Fifo } from './eviction-s3-fifo.ts'
import { createSieve } from './eviction-sieve.ts'

export const evictionNames = ['s3-fifo', 'lru', 'sieve'] as const
export type EvictionName = (typeof evictionNames)[number]

/**
 * The state of one cache. Every operation is O(1) (amortised over the drops it causes) and depends on nothing but
 * the calls before it. Ids index arrays inside, so they should be dense: 0, 1, 2, …
 */
export interface EvictionPolicy {
  readonly name: EvictionName
  /** Bytes of everything admitted and not dropped or removed. */
  readonly usedBytes: number
  readonly size: number
  has(id: number): boolean
  /**
   * Takes an id that is not in the cache and returns the ids to drop so that the rest fits the capacity.
   * An object larger than the capacity is itself what is dropped, and nothing else.
   * `fingerprint` names the key beyond the life of its id, for policies that remember what they dropped.
   */
  admit(id: number, bytes: number, fingerprint?: number): readonly number[]
  /** Counts one use. Does nothing for an id that is not in the cache. */
  touch(id: number): void
  /** Forgets an id that went for another reason than eviction. */
  remove(id: number): void
  /** The ids to drop, at most `limit` of them, until no more than `bytes` are used. */
  shrinkTo(bytes: number, limit?: number): readonly number[]
}

/** A policy by its configured name, for a cache of `capacityBytes`; at most `maxGhosts` dropped keys are remembered. */
export function createEviction(
  name: EvictionName,
  capacityBytes: number,
  maxGhosts = Number.POSITIVE_INFINITY,
): EvictionPolicy {
  if (name === 'lru') return createLru(capacityBytes)
  if (name === 'sieve') return createSieve(capacityBytes)
  return createS3Fifo(capacityBytes, maxGhosts)
}
