// The toxics on one direction of one connection, in order, and what is on its way between them. Pure of sockets and
// clocks: link.ts drives it from real ones, a simulation from virtual ones.

import type { Stage } from './stage.ts'
import { kinds } from './toxics/kinds.ts'
import { type Chunk, close, type Release, type Toxic } from './toxics/toxic.ts'

/** Where the chain's output goes. */
export interface Sink {
  /** False: no more until `Chain.resume`. */
  write(bytes: Uint8Array): boolean
  close(): void
  reset(): void
}

export class Chain {
  readonly #sink: Sink
  #stages: Stage[] = []
  #blocked = false
  #closed = false

  constructor(sink: Sink) {
    this.#sink = sink
  }

  /** True while nothing stands between the sender and the receiver. */
  get isEmpty(): boolean {
    return this.#stages.length === 0
  }

  get stages(): readonly Stage[] {
    return this.#stages
  }

  /** Whether the sender may send more. */
  hasRoom(nowMs: number): boolean {
    return !this.#closed && this.#roomAt(0, nowMs)
  }

  #roomAt(index: number, nowMs: number): boolean {
    const stage = this.#stages[index]
    return stage === undefined ? !this.#blocked : stage.hasRoom(nowMs)
  }

  send(chunk: Chunk, nowMs: number): void {
    this.#pass(0, { kind: 'data', chunk, atMs: chunk.receivedMs }, nowMs)
  }

  /** The way through while there are no toxics. False: no more until `resume`. */
  sendDirectly(bytes: Uint8Array): boolean {
    this.#blocked = !this.#sink.write(bytes)
    return !this.#blocked
  }

  /** The sender closed. */
  end(nowMs: number): void {
    this.#pass(0, close(nowMs), nowMs)
  }

  /** The receiver can take more. */
  resume(nowMs: number): void {
    this.#blocked = false
    this.advance(nowMs)
  }

  /** Moves everything that is due. */
  advance(nowMs: number): void {
    for (let index = this.#stages.length - 1; index >= 0; index--) this.#drain(index, nowMs)
  }

  #drain(index: number, nowMs: number): void {
    const stage = this.#stages[index]!
    let release = stage.due(nowMs)
    while (release !== undefined && this.#mayPass(index + 1, release, nowMs)) {
      stage.leave()
      this.#pass(index + 1, release, nowMs)
      release = stage.due(nowMs)
    }
  }

  /** A reset overtakes nothing but waits for nobody either. */
  #mayPass(index: number, release: Release, nowMs: number): boolean {
    return release.kind === 'reset' || this.#roomAt(index, nowMs)
  }

  #pass(index: number, release: Release, nowMs: number): void {
    const stage = this.#stages[index]
    if (stage === undefined) {
      this.#output(release)
      return
    }
    stage.take(release, nowMs)
    this.#drain(index, nowMs)
  }

  #output(release: Release): void {
    if (this.#closed) return
    if (release.kind === 'data') {
      this.#blocked = !this.#sink.write(release.chunk.bytes)
      return
    }
    this.#closed = true
    if (release.kind === 'close') this.#sink.close()
    else this.#sink.reset()
  }

  /** The next moment at which `advance` has something to do; Infinity when only the sender or receiver can move it. */
  nextAtMs(nowMs: number): number {
    if (this.#closed) return Number.POSITIVE_INFINITY
    return Math.min(...this.#stages.map((stage) => stage.nextAtMs(nowMs)), Number.POSITIVE_INFINITY)
  }

  hits(toxic: Toxic): number {
    return this.#stages.find((stage) => stage.toxic === toxic)?.hits ?? 0
  }

  /** Adds a toxic at the end of the chain. */
  add(stage: Stage, nowMs: number): void {
    this.#stages.at(-1)?.restart(nowMs)
    this.#stages.push(stage)
    this.advance(nowMs)
  }

  update(toxic: Toxic, nowMs: number): void {
    this.#stages.find((stage) => stage.toxic === toxic)?.restart(nowMs)
    this.advance(nowMs)
  }

  /** Takes a toxic out; what it held goes on at once, even past a receiver that has no room. Never waits. */
  remove(toxic: Toxic, nowMs: number): void {
    const index = this.#stages.findIndex((stage) => stage.toxic === toxic)
    if (index < 0) return
    const held = this.#stages[index]!.empty(nowMs)
    this.#stages.splice(index, 1)
    const freed = kinds.get(toxic.type)!.closesOnRemoval ? [close(nowMs)] : held
    for (const release of freed) this.#pass(index, release, nowMs)
    this.#stages[index - 1]?.restart(nowMs)
    this.advance(nowMs)
  }
}
