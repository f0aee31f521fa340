// Keeps the descriptors of hot body files open. A descriptor is closed when it is neither in use nor among the hot;
// a file that was unlinked while open is only gone when its last reader has left.
import type { FileSystem } from './file-system.ts'
import { bodyPath } from './layout.ts'

/** An open body file. Whoever holds it has pinned it. */
export interface Handle {
  readonly serial: number
  readonly fd: number
  /** One CRC-32 per block; null until they have been read. */
  checksums: ArrayLike<number> | null
  /** When each block was last read, monotonic: the system still has lately read bytes in memory. null: nobody knows. */
  readMs: Float64Array | null
}

interface Slot extends Handle {
  pins: number
  /** The file is to go: the last one to release it closes it. */
  retired: boolean
  readonly closed: PromiseWithResolvers<void>
}

export class Handles {
  readonly #root: string
  readonly #files: FileSystem
  readonly #capacity: number
  /** In order of use, the oldest first. */
  readonly #open = new Map<number, Slot>()
  readonly #opening = new Map<number, Promise<Slot>>()
  readonly #closing = new Map<number, Promise<void>>()

  constructor(root: string, files: FileSystem, capacity: number) {
    this.#root = root
    this.#files = files
    this.#capacity = capacity
  }

  /** Opens a body file or finds it open, and pins it. */
  async acquire(slot: number, serial: number): Promise<Handle> {
    let handle = this.#open.get(serial)
    while (handle === undefined) {
      await this.#openOnce(slot, serial)
      // It may have been closed again before we got here.
      handle = this.#open.get(serial)
    }
    this.#pin(handle)
    return handle
  }

  /** Pins a descriptor that is open already. */
  acquireOpen(serial: number): Handle | undefined {
    const handle = this.#open.get(serial)
    if (handle !== undefined) this.#pin(handle)
    return handle
  }

  /** Takes over a descriptor that was opened for writing, pinned once. */
  adopt(serial: number, fd: number, checksums: ArrayLike<number>): Handle {
    const handle = slotOf(serial, fd, checksums)
    this.#open.set(serial, handle)
    this.#pin(handle)
    return handle
  }

  release(handle: Handle): void {
    const slot = handle as Slot
    slot.pins -= 1
    if (slot.pins === 0 && slot.retired) void this.#close(slot)
  }

  /** Null when no descriptor of this body is open, else a promise of that. */
  retire(serial: number): Promise<void> | null {
    const opening = this.#opening.get(serial)
    if (opening !== undefined) return this.#retireOnceOpen(serial, opening)
    const handle = this.#open.get(serial)
    if (handle === undefined) return this.#closing.get(serial) ?? null
    handle.retired = true
    if (handle.pins === 0) return this.#close(handle)
    return handle.closed.promise
  }

  /** Closes what nobody uses, the least recently used first, until `keep` are open; waits for those that close already. */
  async closeIdle(keep = 0): Promise<void> {
    for (const handle of this.#open.values()) {
      if (this.#open.size <= keep) break
      if (handle.pins === 0) void this.#close(handle)
    }
    await Promise.all(this.#closing.values())
  }

  async closeAll(): Promise<void> {
    await Promise.all([...this.#open.values()].map((handle) => this.#close(handle)))
  }

  #pin(handle: Slot): void {
    handle.pins += 1
    this.#moveToEnd(handle)
    if (this.#open.size > this.#capacity) void this.closeIdle(this.#capacity)
  }

  #moveToEnd(handle: Slot): void {
    this.#open.delete(handle.serial)
    this.#open.set(handle.serial, handle)
  }

  #openOnce(slot: number, serial: number): Promise<Slot> {
    const opening = this.#opening.get(serial) ?? this.#openFile(slot, serial)
    this.#opening.set(serial, opening)
    return opening
  }

  async #openFile(slot: number, serial: number): Promise<Slot> {
    try {
      const fd = await this.#files.open(bodyPath(this.#root, slot, serial))
      const handle = slotOf(serial, fd, null)
      this.#open.set(serial, handle)
      return handle
    } finally {
      this.#opening.delete(serial)
    }
  }

  async #retireOnceOpen(serial: number, opening: Promise<Slot>): Promise<void> {
    await opening.catch(() => undefined)
    await this.retire(serial)
  }

  #close(handle: Slot): Promise<void> {
    const { serial, closed } = handle
    this.#open.delete(serial)
    this.#closing.set(serial, closed.promise)
    void this.#files
      .close(handle.fd)
      // A close that fails has closed all the same (Linux close(2)).
      .catch(() => undefined)
      .then(() => {
        this.#closing.delete(serial)
        closed.resolve()
      })
    return closed.promise
  }
}

function slotOf(serial: number, fd: number, checksums: ArrayLike<number> | null): Slot {
  return {
    serial,
    fd,
    checksums,
    readMs: null,
    pins: 0,
    retired: false,
    closed: Promise.withResolvers(),
  }
}
