// Who owns each byte of the store: one slot per body, whole, growing or on its way out, with its size. The ledger is
// in memory; its pages are what the index keeps, so that after a crash every file is accounted for without a scan.
import { hash as digest } from 'node:crypto'
import { IdTable } from '../../policy/id-table.ts'

export const slotsPerPage = 100
const slotBytes = 40
const wordsPerSlot = slotBytes / 4
const numbersPerSlot = slotBytes / 8
// Of a slot's numbers, the first two hold the key's hash.
const stampAt = 2
const fileBytesAt = 3
const indexBytesAt = 4
export const pageBytes = slotsPerPage * slotBytes

/**
 * free: nobody's. filling: a body is being written. stored: a complete body in a file. inline: a complete body in
 * the index. doomed: dropped, its file not yet known to be gone.
 */
export const slotState = { free: 0, filling: 1, stored: 2, inline: 3, doomed: 4 } as const
export type SlotState = (typeof slotState)[keyof typeof slotState]

/** The first 128 bits of a key's SHA-256. */
export type KeyHash = Uint32Array

export function hashKey(key: string): KeyHash {
  const bytes = digest('sha256', key, 'buffer')
  return new Uint32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + 16))
}

/** What a body is charged: its file, and its share of the index. */
export interface Charge {
  readonly fileBytes: number
  readonly indexBytes: number
}

/** 100 slots: of each the key's hash (16 bytes), then as float64 serial * 8 + state, file bytes and index bytes. */
class Page {
  readonly number: number
  readonly bytes: Uint8Array
  readonly words: Uint32Array
  readonly numbers: Float64Array

  constructor(number: number, bytes: Uint8Array) {
    this.number = number
    this.bytes = bytes
    this.words = new Uint32Array(bytes.buffer)
    this.numbers = new Float64Array(bytes.buffer)
  }
}

export class Ledger {
  readonly #pages: Page[] = []
  readonly #byHash = new IdTable()
  readonly #freeSlots: number[] = []
  readonly #dirty = new Set<number>()
  #nextSerial = 1
  #oldestSerial = Number.POSITIVE_INFINITY
  #fileBytes = 0
  #indexBytes = 0

  /** What all slots that are not free are charged for files. */
  get fileBytes(): number {
    return this.#fileBytes
  }

  /** What they are charged for the index. */
  get indexBytes(): number {
    return this.#indexBytes
  }

  /** No complete body that was loaded has a lower serial. */
  get oldestSerial(): number {
    return this.#oldestSerial
  }

  get slotCount(): number {
    return this.#pages.length * slotsPerPage
  }

  /** Takes over a page as it was written; pages come in the order of their numbers. */
  load(number: number, saved: Uint8Array): void {
    while (this.#pages.length < number) this.#addEmptyPage()
    this.#pages.push(new Page(number, new Uint8Array(saved)))
    this.#eachSlotOf(number, (slot) => this.#loadSlot(slot))
  }

  /** Serials start here when nothing was loaded, or after the highest that was. */
  startSerialsAt(least: number): void {
    this.#nextSerial = Math.max(this.#nextSerial, least)
  }

  /** A slot for a body that is about to be written. */
  allocate(hash: KeyHash, charge: Charge): number {
    if (this.#freeSlots.length === 0) this.#addEmptyPage()
    const slot = this.#freeSlots.pop()!
    const page = this.#pageOf(slot)
    page.words.set(hash, this.#at(slot) * wordsPerSlot)
    page.numbers[this.#at(slot) * numbersPerSlot + stampAt] = this.#nextSerial * 8
    this.#nextSerial += 1
    this.set(slot, slotState.filling, charge)
    return slot
  }

  /** Changes a slot's state and what it is charged. */
  set(slot: number, state: SlotState, charge: Charge): void {
    const { numbers } = this.#pageOf(slot)
    const at = this.#at(slot) * numbersPerSlot
    this.#fileBytes += charge.fileBytes - numbers[at + fileBytesAt]!
    this.#indexBytes += charge.indexBytes - numbers[at + indexBytesAt]!
    numbers[at + stampAt] = this.serialOf(slot) * 8 + state
    numbers[at + fileBytesAt] = charge.fileBytes
    numbers[at + indexBytesAt] = charge.indexBytes
    this.#dirty.add(Math.floor(slot / slotsPerPage))
  }

  /** The serial stays, so that no later body gets the same. */
  free(slot: number): void {
    this.set(slot, slotState.free, { fileBytes: 0, indexBytes: 0 })
    this.#freeSlots.push(slot)
  }

  stateOf(slot: number): SlotState {
    return (this.#number(slot, stampAt) % 8) as SlotState
  }

  serialOf(slot: number): number {
    return Math.floor(this.#number(slot, stampAt) / 8)
  }

  fileBytesOf(slot: number): number {
    return this.#number(slot, fileBytesAt)
  }

  indexBytesOf(slot: number): number {
    return this.#number(slot, indexBytesAt)
  }

  /** Names the key beyond the life of its slot. */
  fingerprintOf(slot: number): number {
    return this.#pageOf(slot).words[this.#at(slot) * wordsPerSlot]!
  }

  /** True for a complete body. */
  isWhole(slot: number): boolean {
    const state = this.stateOf(slot)
    return state === slotState.stored || state === slotState.inline
  }

  /** The slot that lookups of this key find, or -1. */
  find(hash: KeyHash): number {
    return this.#byHash.find(hash[0]!, (slot) => this.#hasHash(slot, hash))
  }

  /** Lets lookups find the slot. */
  reveal(slot: number): void {
    this.#byHash.insert(this.fingerprintOf(slot), slot)
  }

  /** Lets lookups no longer find the slot. */
  hide(slot: number): void {
    this.#byHash.delete(this.fingerprintOf(slot), slot)
  }

  /** Copies of the pages changed since the last call, by number. */
  takeDirty(): Map<number, Uint8Array> {
    const pages = new Map<number, Uint8Array>()
    for (const number of this.#dirty) pages.set(number, this.#pages[number]!.bytes.slice())
    this.#dirty.clear()
    return pages
  }

  /** Pages that could not be written are due again. */
  putBack(numbers: Iterable<number>): void {
    for (const number of numbers) this.#dirty.add(number)
  }

  #loadSlot(slot: number): void {
    const serial = this.serialOf(slot)
    this.#nextSerial = Math.max(this.#nextSerial, serial + 1)
    this.#fileBytes += this.fileBytesOf(slot)
    this.#indexBytes += this.indexBytesOf(slot)
    if (this.stateOf(slot) === slotState.free) this.#freeSlots.push(slot)
    if (!this.isWhole(slot)) return
    this.#oldestSerial = Math.min(this.#oldestSerial, serial)
    this.reveal(slot)
  }

  /** A page whose slots are all free. */
  #addEmptyPage(): void {
    const number = this.#pages.length
    this.#pages.push(new Page(number, new Uint8Array(pageBytes)))
    this.#eachSlotOf(number, (slot) => this.#freeSlots.push(slot))
  }

  /** Last slot first, so that the free ones are handed out from the first on. */
  #eachSlotOf(number: number, visit: (slot: number) => void): void {
    const first = number * slotsPerPage
    for (let slot = first + slotsPerPage - 1; slot >= first; slot -= 1) visit(slot)
  }

  #pageOf(slot: number): Page {
    return this.#pages[Math.floor(slot / slotsPerPage)]!
  }

  #number(slot: number, which: number): number {
    return this.#pageOf(slot).numbers[this.#at(slot) * numbersPerSlot + which]!
  }

  #at(slot: number): number {
    return slot % slotsPerPage
  }

  #hasHash(slot: number, hash: KeyHash): boolean {
    const { words } = this.#pageOf(slot)
    const at = this.#at(slot) * wordsPerSlot
    return (
      words[at] === hash[0] &&
      words[at + 1] === hash[1] &&
      words[at + 2] === hash[2] &&
      words[at + 3] === hash[3]
    )
  }
}
