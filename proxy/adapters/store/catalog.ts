// What is stored and where: finds entries, counts their uses, and says which go when room or patience runs out.
// However long its key and headers, an entry costs at most 140 bytes of memory, ledger and eviction included, and a
// dropped key that S3-FIFO remembers at most 90; about two thirds of that unless the tables have just doubled. There are
// at most `maxEntries` of either.
import type { EntryMeta, StoredEntry } from '../../object.ts'
import { createEviction, type EvictionName, type EvictionPolicy } from '../../policy/eviction.ts'
import type { EntryIndex } from './entry-index.ts'
import { hashKey, type Ledger, slotState } from './ledger.ts'
import { decodeRecord, type EntryRecord, encodeRecord } from './record.ts'
import type { Remover } from './remover.ts'

/** Entries kept decoded; beyond them a lookup costs a hash, an index read and a JSON parse (about 12 µs). */
const decodedKept = 8192
/** Slots looked at, at once, for entries nobody used: well under a millisecond. */
const slotsPerLook = 8192
/** Entries dropped at once for one more, where the largest number of them was lowered: about 0.2 ms. */
const dropsPerAddition = 64

/** An entry as the disk store hands it out. */
export interface DiskEntry extends StoredEntry {
  readonly slot: number
  readonly serial: number
  /** The body when it lies in the index. */
  readonly inline: Uint8Array | null
}

export interface CatalogParts {
  readonly ledger: Ledger
  readonly index: EntryIndex
  readonly remover: Remover
  readonly eviction: EvictionName
  readonly maxBytes: number
  readonly maxEntries: number
  nowMs(): number
  /** Told of a record that is not what was written, or can't be read. */
  onDamage(key: string, error: unknown): void
}

export class Catalog {
  readonly #parts: CatalogParts
  readonly #policy: EvictionPolicy
  readonly #decoded = new Map<string, DiskEntry>()
  /** Monotonic time of the last use, by slot. */
  #usedAtMs = new Float64Array(1024)
  #lookAtSlot = 0
  #entries = 0
  #evictions = 0

  /** Takes over what the ledger holds. What was being written or removed when it was saved goes. */
  constructor(parts: CatalogParts) {
    this.#parts = parts
    const slots = wholeSlots(parts.ledger, (slot) => parts.remover.doom(slot))
    // A cap that was lowered since is met step by step later: evicting everything here would delay the start.
    const held = parts.ledger.fileBytes + parts.ledger.indexBytes
    this.#policy = createEviction(parts.eviction, Math.max(parts.maxBytes, held), parts.maxEntries)
    const nowMs = parts.nowMs()
    for (const slot of slots) this.#admit(slot, nowMs)
  }

  get entries(): number {
    return this.#entries
  }

  /** Entries dropped to make room. */
  get evictions(): number {
    return this.#evictions
  }

  lookup(key: string): DiskEntry | undefined {
    const entry = this.#decoded.get(key)
    return entry !== undefined && this.isCurrent(entry) ? entry : this.#load(key)
  }

  /** The slot of a key's entry, or -1. */
  slotOf(key: string): number {
    const entry = this.#decoded.get(key)
    return entry !== undefined && this.isCurrent(entry) ? entry.slot : this.#parts.ledger.find(hashKey(key))
  }

  isCurrent(entry: DiskEntry): boolean {
    const { ledger } = this.#parts
    return ledger.serialOf(entry.slot) === entry.serial && ledger.isWhole(entry.slot)
  }

  touch(key: string): void {
    const slot = this.slotOf(key)
    if (slot === -1) return
    this.#policy.touch(slot)
    this.#usedAtMs[slot] = this.#parts.nowMs()
  }

  update(key: string, meta: EntryMeta): boolean {
    const entry = this.lookup(key)
    if (entry === undefined) return false
    this.#parts.index.putRecord(entry.slot, encodeRecord({ key, meta, inline: entry.inline }))
    this.#remember({ ...entry, meta })
    return true
  }

  /** Makes a complete body the entry of its key, in place of the one before. Its slot is charged already. */
  add(slot: number, record: EntryRecord, encoded: Buffer): DiskEntry {
    this.remove(record.key)
    const { ledger, index, maxEntries } = this.#parts
    const excess = this.#entries + 1 - maxEntries
    if (excess > 0) this.evict(Number.POSITIVE_INFINITY, Math.min(excess, dropsPerAddition))
    index.putRecord(slot, encoded)
    ledger.reveal(slot)
    this.#admit(slot, this.#parts.nowMs())
    return this.#remember({ ...record, slot, serial: ledger.serialOf(slot) })
  }

  remove(key: string): boolean {
    const slot = this.slotOf(key)
    if (slot === -1) return false
    this.removeSlot(slot)
    this.#decoded.delete(key)
    return true
  }

  /** Drops the complete body in a slot. */
  removeSlot(slot: number): void {
    if (!this.#parts.ledger.isWhole(slot)) return
    this.#policy.remove(slot)
    this.#forget(slot)
  }

  /** Drops what the policy names until `bytes` are freed, at most `limit` entries; how many went. */
  evict(bytes: number, limit: number): number {
    const victims = this.#policy.shrinkTo(Math.max(0, this.#policy.usedBytes - bytes), limit)
    for (const slot of victims) this.#forget(slot)
    this.#evictions += victims.length
    return victims.length
  }

  /** Looks at some of the slots, in turn, and drops at most `limit` entries not used since `sinceMs`; how many went. */
  dropUnused(sinceMs: number, limit: number): number {
    const { ledger } = this.#parts
    let dropped = 0
    for (let looks = Math.min(slotsPerLook, ledger.slotCount); looks > 0 && dropped < limit; looks -= 1) {
      const slot = this.#lookAtSlot % ledger.slotCount
      this.#lookAtSlot = slot + 1
      if (!ledger.isWhole(slot) || this.#usedAtMs[slot]! >= sinceMs) continue
      this.removeSlot(slot)
      dropped += 1
    }
    return dropped
  }

  #load(key: string): DiskEntry | undefined {
    const { ledger } = this.#parts
    const slot = ledger.find(hashKey(key))
    if (slot === -1) return undefined
    const record = this.#read(key, slot)
    if (record === null || record.key !== key) return undefined
    return this.#remember({ ...record, slot, serial: ledger.serialOf(slot) })
  }

  #read(key: string, slot: number): EntryRecord | null {
    const { index, ledger, onDamage } = this.#parts
    try {
      const bytes = index.record(slot)
      const isInline = ledger.stateOf(slot) === slotState.inline
      const record = bytes === undefined ? null : decodeRecord(bytes, isInline)
      if (record === null) onDamage(key, null)
      return record
    } catch (error) {
      onDamage(key, error)
      return null
    }
  }

  #remember(entry: DiskEntry): DiskEntry {
    this.#decoded.set(entry.key, entry)
    if (this.#decoded.size > decodedKept) this.#decoded.delete(this.#decoded.keys().next().value!)
    return entry
  }

  #admit(slot: number, nowMs: number): void {
    const { ledger } = this.#parts
    if (slot >= this.#usedAtMs.length) this.#usedAtMs = doubled(this.#usedAtMs, slot)
    this.#usedAtMs[slot] = nowMs
    this.#entries += 1
    const bytes = ledger.fileBytesOf(slot) + ledger.indexBytesOf(slot)
    for (const victim of this.#policy.admit(slot, bytes, ledger.fingerprintOf(slot))) this.#forget(victim)
  }

  #forget(slot: number): void {
    const { ledger, index, remover } = this.#parts
    const isInline = ledger.stateOf(slot) === slotState.inline
    ledger.hide(slot)
    index.removeRecord(slot)
    this.#entries -= 1
    if (isInline) ledger.free(slot)
    else remover.doom(slot)
  }
}

/** The slots of complete bodies, the oldest first; `onUnfinished` gets those of bodies under way or on their way out. */
function wholeSlots(ledger: Ledger, onUnfinished: (slot: number) => void): Float64Array {
  const { slotCount, oldestSerial } = ledger
  const keys = new Float64Array(slotCount)
  let count = 0
  for (let slot = 0; slot < slotCount; slot += 1) {
    const state = ledger.stateOf(slot)
    if (state === slotState.filling || state === slotState.doomed) onUnfinished(slot)
    // One number that sorts by age and holds the slot: exact below 2^53, that is for 9 billion fills of a million slots.
    else if (state !== slotState.free)
      keys[count++] = (ledger.serialOf(slot) - oldestSerial) * slotCount + slot
  }
  return keys
    .subarray(0, count)
    .sort()
    .map((key) => key % slotCount)
}

function doubled(array: Float64Array<ArrayBuffer>, reach: number): Float64Array<ArrayBuffer> {
  const larger = new Float64Array(Math.max(reach + 1, array.length * 2))
  larger.set(array)
  return larger
}
