// One direction of one connection: reads from one socket, through the chain of toxics, into the other, and waits on
// the clock for what the chain holds back. Nothing here knows what a toxic does.
import type { Socket } from 'node:net'
import { Chain, type Sink } from './chain.ts'
import type { Traffic } from './metrics.ts'
import { Stage } from './stage.ts'
import type { Chunk, Direction, Random, Toxic } from './toxics/toxic.ts'

/** Toxics see no chunk larger than this, as in Toxiproxy. */
const chunkBytes = 32 * 1024

/** A timer can't be set further ahead than this; it fires early then and is set again. */
const longestTimerMs = 2 ** 31 - 1

export interface LinkOptions {
  readonly direction: Direction
  readonly source: Socket
  readonly dest: Socket
  /** Counters of the proxy for this direction; the link adds to them chunk by chunk. */
  readonly traffic: Traffic
  /** The stream of randomness for a toxic on this link. */
  readonly random: (toxic: Toxic) => Random
  /** A toxic resets the connection. */
  readonly onReset: () => void
}

export class Link {
  readonly direction: Direction
  receivedBytes = 0
  sentBytes = 0
  /** Hits of toxics that have been removed since, by name. */
  readonly #pastHits = new Map<string, number>()
  readonly #options: LinkOptions
  readonly #chain: Chain
  /** Read from the source but not yet taken by the chain. */
  #waiting: Chunk[] = []
  #end: 'open' | 'seen' | 'passed' = 'open'
  #timer: NodeJS.Timeout | undefined
  #timerAtMs = Number.POSITIVE_INFINITY

  constructor(options: LinkOptions) {
    this.direction = options.direction
    this.#options = options
    this.#chain = new Chain(this.#sink())
  }

  #sink(): Sink {
    const { dest, traffic, onReset } = this.#options
    return {
      write: (bytes) => {
        this.sentBytes += bytes.length
        traffic.sentBytes += bytes.length
        return dest.write(bytes)
      },
      // Toxiproxy knows no half-closed connections: the end of one direction closes the other socket for good.
      close: () => dest.destroySoon(),
      reset: onReset,
    }
  }

  /** Begins to pass data on, through these toxics. */
  start(toxics: readonly Toxic[]): void {
    const { source, dest } = this.#options
    const nowMs = performance.now()
    for (const toxic of toxics) this.#chain.add(new Stage(toxic, this.#options.random(toxic), nowMs), nowMs)
    source.on('data', (bytes: Buffer) => this.#onData(bytes))
    source.on('end', () => this.#onEnd())
    source.on('close', () => this.#onEnd())
    dest.on('drain', () => this.#step((nowMs) => this.#chain.resume(nowMs)))
    dest.on('close', () => this.#stopTimer())
    this.#step(() => {})
  }

  #onData(bytes: Buffer): void {
    this.receivedBytes += bytes.length
    this.#options.traffic.receivedBytes += bytes.length
    if (this.#options.dest.destroyed) return
    if (this.#chain.isEmpty) {
      if (!this.#chain.sendDirectly(bytes)) this.#options.source.pause()
      return
    }
    const receivedMs = performance.now()
    for (let start = 0; start < bytes.length; start += chunkBytes) {
      this.#waiting.push({ bytes: bytes.subarray(start, start + chunkBytes), receivedMs })
    }
    this.#step(() => {})
  }

  #onEnd(): void {
    if (this.#end !== 'open') return
    this.#end = 'seen'
    this.#step(() => {})
  }

  /** Does something to the chain, moves what is due, feeds it what it has room for, and sees to it that the rest follows in time. */
  #step(change: (nowMs: number) => void): void {
    const { source, dest } = this.#options
    // Nobody is left to deliver to; a timer for what is still held would outlive the connection.
    if (dest.destroyed) return
    const nowMs = performance.now()
    change(nowMs)
    this.#chain.advance(nowMs)
    while (this.#waiting.length > 0 && this.#chain.hasRoom(nowMs))
      this.#chain.send(this.#waiting.shift()!, nowMs)
    if (this.#end === 'seen' && this.#waiting.length === 0) {
      this.#end = 'passed'
      this.#chain.end(nowMs)
    }
    if (this.#waiting.length === 0 && this.#chain.hasRoom(nowMs)) source.resume()
    else source.pause()
    this.#armTimer(nowMs)
  }

  /** `nowMs` must be the time up to which the chain was advanced: what became due since needs a timer, too. */
  #armTimer(nowMs: number): void {
    const nextMs = this.#chain.nextAtMs(nowMs)
    if (nextMs >= this.#timerAtMs) return
    this.#stopTimer()
    this.#timerAtMs = nextMs
    const onTime = () => {
      this.#timerAtMs = Number.POSITIVE_INFINITY
      this.#step(() => {})
    }
    this.#timer = setTimeout(onTime, Math.min(nextMs - nowMs, longestTimerMs))
  }

  #stopTimer(): void {
    clearTimeout(this.#timer)
    this.#timerAtMs = Number.POSITIVE_INFINITY
  }

  addToxic(toxic: Toxic): void {
    this.#pastHits.delete(toxic.name)
    this.#step((nowMs) => this.#chain.add(new Stage(toxic, this.#options.random(toxic), nowMs), nowMs))
  }

  updateToxic(toxic: Toxic): void {
    this.#step((nowMs) => this.#chain.update(toxic, nowMs))
  }

  removeToxic(toxic: Toxic): void {
    const past = this.#pastHits.get(toxic.name) ?? 0
    this.#pastHits.set(toxic.name, past + this.#chain.hits(toxic))
    this.#step((nowMs) => this.#chain.remove(toxic, nowMs))
  }

  /** What toxics did here: chunks and closes touched, by toxic. Toxics that touched nothing are left out. */
  hits(): Record<string, number> {
    const hits = new Map(this.#pastHits)
    for (const { toxic, hits: count } of this.#chain.stages) {
      hits.set(toxic.name, (hits.get(toxic.name) ?? 0) + count)
    }
    return Object.fromEntries([...hits].filter(([, count]) => count > 0))
  }
}
