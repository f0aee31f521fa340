// S3-FIFO (Yang et al., SOSP 2023): a small queue on probation, a main queue, and a memory of the keys that probation
// dropped. Keys asked for once pass through the small queue and never displace the main one. Pure.
// As in the authors' later version, a full small queue spills into the main one until the first eviction.
import type { EvictionPolicy } from './eviction.ts'
import { GhostList } from './eviction-ghost.ts'
import { EntryTable, nothing, Queue } from './eviction-queue.ts'

const smallShare = 0.1
/** The ghosts remember as many bytes as the main queue holds. */
const ghostShare = 0.9
const usesToReachMain = 2
const mostUsesCounted = 3

const inSmall = 1
const inMain = 2

export function createS3Fifo(capacityBytes: number, maxGhosts: number): EvictionPolicy {
  return new S3Fifo(capacityBytes, maxGhosts)
}

class S3Fifo implements EvictionPolicy {
  readonly name = 's3-fifo'
  readonly #capacityBytes: number
  readonly #smallBytes: number
  readonly #table = new EntryTable()
  readonly #small = new Queue(this.#table, inSmall)
  readonly #main = new Queue(this.#table, inMain)
  readonly #ghosts: GhostList
  #fingerprints = new Uint32Array(1024)
  #hasEvicted = false

  constructor(capacityBytes: number, maxGhosts: number) {
    this.#capacityBytes = capacityBytes
    this.#smallBytes = Math.floor(capacityBytes * smallShare)
    this.#ghosts = new GhostList(Math.floor(capacityBytes * ghostShare), maxGhosts)
  }

  get usedBytes(): number {
    return this.#small.usedBytes + this.#main.usedBytes
  }

  get size(): number {
    return this.#small.size + this.#main.size
  }

  has(id: number): boolean {
    return this.#table.has(id)
  }

  admit(id: number, bytes: number, fingerprint = id): readonly number[] {
    if (bytes > this.#capacityBytes) return [id]
    const wasGhost = this.#ghosts.take(fingerprint)
    const dropped = this.shrinkTo(this.#capacityBytes - bytes)
    this.#table.reach(id)
    this.#table.uses[id] = 0
    this.#rememberFingerprint(id, fingerprint)
    const spills = !this.#hasEvicted && this.#small.usedBytes >= this.#smallBytes
    if (wasGhost || spills) this.#main.push(id, bytes)
    else this.#small.push(id, bytes)
    return dropped
  }

  touch(id: number): void {
    if (!this.has(id)) return
    const uses = this.#table.uses
    if (uses[id]! < mostUsesCounted) uses[id]! += 1
  }

  remove(id: number): void {
    if (this.has(id)) this.#queueOf(id).remove(id)
  }

  shrinkTo(bytes: number, limit = Number.POSITIVE_INFINITY): readonly number[] {
    if (this.usedBytes <= bytes) return nothing
    const dropped: number[] = []
    while (this.usedBytes > bytes && this.size > 0 && dropped.length < limit) dropped.push(this.#evictOne())
    return dropped
  }

  #evictOne(): number {
    this.#hasEvicted = true
    const mainIsOver = this.#main.usedBytes > this.#capacityBytes - this.#smallBytes
    if (!mainIsOver) {
      const victim = this.#evictFromSmall()
      if (victim !== -1) return victim
    }
    return this.#evictFromMain()
  }

  /** Promotes what was used often enough until something can go; -1 when everything was promoted. */
  #evictFromSmall(): number {
    while (this.#small.size > 0) {
      const id = this.#small.tail
      const bytes = this.#table.bytes[id]!
      this.#small.remove(id)
      if (this.#table.uses[id]! < usesToReachMain) {
        this.#ghosts.add(this.#fingerprints[id]!, bytes)
        return id
      }
      this.#table.uses[id] = 0
      this.#main.push(id, bytes)
    }
    return -1
  }

  /** A clock: what was used goes round once more for each use counted. */
  #evictFromMain(): number {
    for (;;) {
      const id = this.#main.tail
      const bytes = this.#table.bytes[id]!
      this.#main.remove(id)
      if (this.#table.uses[id] === 0) return id
      this.#table.uses[id]! -= 1
      this.#main.push(id, bytes)
    }
  }

  #queueOf(id: number): Queue {
    return this.#table.queue[id] === inSmall ? this.#small : this.#main
  }

  #rememberFingerprint(id: number, fingerprint: number): void {
    if (id >= this.#fingerprints.length) {
      const larger = new Uint32Array(Math.max(id + 1, this.#fingerprints.length * 2))
      larger.set(this.#fingerprints)
      this.#fingerprints = larger
    }
    this.#fingerprints[id] = fingerprint
  }
}
