// A hash table from 32-bit hashes to small integers over typed arrays: open addressing with linear probing, cut into
// parts that grow one by one, so that no insertion ever rehashes millions of entries at once. Pure.

const partBits = 8
const partCount = 1 << partBits
const absent = -1

interface Part {
  hashes: Uint32Array
  ids: Int32Array
  size: number
}

/** Several ids may share a hash; the caller's `isMatch` tells them apart. */
export class IdTable {
  readonly #parts: Part[] = Array.from({ length: partCount }, () => emptyPart(8))

  /** The id under `hash` that `isMatch` accepts, or -1. */
  find(hash: number, isMatch: (id: number) => boolean): number {
    const mixed = mix(hash)
    const { hashes, ids } = this.#parts[mixed >>> (32 - partBits)]!
    const mask = ids.length - 1
    for (let at = mixed & mask; ids[at] !== absent; at = (at + 1) & mask) {
      if (hashes[at] === mixed && isMatch(ids[at]!)) return ids[at]!
    }
    return absent
  }

  insert(hash: number, id: number): void {
    const mixed = mix(hash)
    const part = this.#parts[mixed >>> (32 - partBits)]!
    if ((part.size + 1) * 2 > part.ids.length) growPart(part)
    place(part, mixed, id)
    part.size += 1
  }

  /** Takes out `id`, which was inserted under `hash`; false when it isn't there. */
  delete(hash: number, id: number): boolean {
    const mixed = mix(hash)
    const part = this.#parts[mixed >>> (32 - partBits)]!
    const mask = part.ids.length - 1
    for (let at = mixed & mask; part.ids[at] !== absent; at = (at + 1) & mask) {
      if (part.ids[at] !== id || part.hashes[at] !== mixed) continue
      closeGap(part, at)
      part.size -= 1
      return true
    }
    return false
  }
}

/** Spreads hashes that are not random, such as ids counted from 0 (the finaliser of MurmurHash3). */
function mix(hash: number): number {
  let h = hash | 0
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}

function emptyPart(length: number): Part {
  return { hashes: new Uint32Array(length), ids: new Int32Array(length).fill(absent), size: 0 }
}

function place(part: Part, mixed: number, id: number): void {
  const mask = part.ids.length - 1
  let at = mixed & mask
  while (part.ids[at] !== absent) at = (at + 1) & mask
  part.hashes[at] = mixed
  part.ids[at] = id
}

function growPart(part: Part): void {
  const { hashes, ids } = part
  part.hashes = new Uint32Array(ids.length * 2)
  part.ids = new Int32Array(ids.length * 2).fill(absent)
  for (let at = 0; at < ids.length; at += 1) {
    if (ids[at] !== absent) place(part, hashes[at]!, ids[at]!)
  }
}

/** Moves later entries of the same run up, so that searches need no tombstones (Knuth, TAOCP 3, 6.4, algorithm R). */
function closeGap({ hashes, ids }: Part, start: number): void {
  const mask = ids.length - 1
  let gap = start
  for (let at = (gap + 1) & mask; ids[at] !== absent; at = (at + 1) & mask) {
    const fromHome = (at - (hashes[at]! & mask)) & mask
    if (fromHome < ((at - gap) & mask)) continue
    hashes[gap] = hashes[at]!
    ids[gap] = ids[at]!
    gap = at
  }
  ids[gap] = absent
}
