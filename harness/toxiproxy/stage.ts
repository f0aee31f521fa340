// One toxic in the chain of one direction of one connection: draws whether it acts here, and holds what it has
// taken until it is due. Time comes in as an argument.
import { kinds } from './toxics/kinds.ts'
import { passOn } from './toxics/noop.ts'
import { type Behaviour, type Chunk, close, type Random, type Release, type Toxic } from './toxics/toxic.ts'

/** How far ahead of time a toxic may take chunks: hides the coarseness of timers, and is little beside a network's own buffers. */
const aheadMs = 25

export class Stage {
  readonly toxic: Toxic
  /** Chunks and closes that this toxic dropped, held back, cut or altered. */
  hits = 0
  #random: Random
  #behaviour: Behaviour
  #acts = false
  #closed = false
  #queue: Release[] = []

  constructor(toxic: Toxic, random: Random, nowMs: number) {
    this.toxic = toxic
    this.#random = random
    this.#behaviour = kinds.get(toxic.type)!.start(toxic, random, nowMs)
    this.#draw()
  }

  /** Toxiproxy decides anew whenever a toxic starts: on connect, on its change, on a change of its neighbour. */
  #draw(): void {
    this.#acts = this.#random() < this.toxic.toxicity
  }

  get #now(): Behaviour {
    return this.#acts ? this.#behaviour : passOn
  }

  hasRoom(nowMs: number): boolean {
    if (this.#closed) return false
    if (this.#queue.length < kinds.get(this.toxic.type)!.buffer) return true
    const lastMs = this.#queue.at(-1)!.atMs
    return lastMs > nowMs && lastMs - aheadMs <= nowMs
  }

  take(release: Release, nowMs: number): void {
    if (this.#closed) return
    if (release.kind === 'data') this.#takeChunk(release, nowMs)
    else if (release.kind === 'close') this.#hold([this.#now.end(nowMs)], nowMs)
    else this.#hold([release], nowMs)
  }

  /** Delays add up exactly: each counts from when the toxic before was to let go, not from when a timer did. */
  #takeChunk({ chunk, atMs }: Release & { kind: 'data' }, nowMs: number): void {
    const receivedMs = Math.max(chunk.receivedMs, atMs)
    this.#hold(this.#now.take({ bytes: chunk.bytes, receivedMs }, nowMs), nowMs, chunk)
  }

  #hold(releases: readonly Release[], nowMs: number, whole?: Chunk): void {
    if (!isUntouched(releases, nowMs, whole)) this.hits += 1
    for (const release of releases) this.#queue.push(release)
    const last = releases.at(-1)?.kind
    this.#closed = last === 'close' || last === 'reset'
  }

  /** The next thing that may leave now, or undefined. */
  due(nowMs: number): Release | undefined {
    if (!this.#closed && this.#closesAtMs <= nowMs) this.#closeIdle()
    const head = this.#queue[0]
    return head !== undefined && head.atMs <= nowMs ? head : undefined
  }

  #closeIdle(): void {
    this.#queue.push(close(this.#closesAtMs))
    this.#closed = true
    this.hits += 1
  }

  leave(): void {
    this.#queue.shift()
  }

  get #closesAtMs(): number {
    return this.#now.closesAtMs ?? Number.POSITIVE_INFINITY
  }

  /** When next something leaves, this toxic closes the stream, or there may be room again. */
  nextAtMs(nowMs: number): number {
    const later = (atMs = Number.POSITIVE_INFINITY) => (atMs > nowMs ? atMs : Number.POSITIVE_INFINITY)
    const headMs = later(this.#queue[0]?.atMs)
    if (this.#closed) return headMs
    return Math.min(headMs, this.#closesAtMs, later((this.#queue.at(-1)?.atMs ?? 0) - aheadMs))
  }

  /** Takes everything back out, to go on at once: the toxic is being removed. */
  empty(nowMs: number): Release[] {
    const held = this.#queue.map((release) => ({ ...release, atMs: Math.min(release.atMs, nowMs) }))
    this.#queue = []
    this.#closed = true
    return held
  }

  /**
   * The toxic changed, or its neighbour did. What is overdue stays as it is, the piece held back just now leaves
   * at once, and the rest is taken again under the new terms.
   */
  restart(nowMs: number): void {
    const held = this.#queue
    const first = held.findIndex((release) => release.atMs > nowMs)
    this.#draw()
    this.#behaviour.restart?.(nowMs)
    if (first < 0) return
    this.#queue = held.slice(0, first)
    this.#closed = false
    for (const [index, release] of held.slice(first).entries()) {
      if (release.kind === 'reset') this.#hold([release], nowMs)
      else if (release.kind === 'close') this.take(release, nowMs)
      else if (index === 0) this.#queue.push({ ...release, atMs: nowMs })
      else this.#takeChunk({ ...release, atMs: release.chunk.receivedMs }, nowMs)
    }
  }
}

/** Whether just what came in leaves at once: `whole`, or without one the sender's close. */
function isUntouched([only, ...more]: readonly Release[], nowMs: number, whole?: Chunk): boolean {
  if (only === undefined || more.length > 0 || only.atMs > nowMs) return false
  if (only.kind === 'data') return whole !== undefined && isSame(only.chunk.bytes, whole.bytes)
  return only.kind === 'close' && whole === undefined
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return a.buffer === b.buffer && a.byteOffset === b.byteOffset && a.length === b.length
}
