// Drives a chain of toxics on virtual time: the same toxics and chain as on sockets, with times that are exact and
// a day that passes in a moment. For tests and simulations.
import { Chain } from './chain.ts'
import { randomFor } from './random.ts'
import { Stage } from './stage.ts'
import type { Attributes, Chunk, Toxic } from './toxics/toxic.ts'

/** Something that left the link. */
export type Arrival =
  | { readonly atMs: number; readonly bytes: Uint8Array }
  | { readonly atMs: number; readonly ended: 'close' | 'reset' }

export interface VirtualLink {
  readonly nowMs: number
  /** Everything that left so far. */
  readonly arrivals: readonly Arrival[]
  /** Bytes that arrived, in all. */
  readonly arrivedBytes: number
  /** Sends now; bytes that the chain has no room for wait, as in a sender's socket. */
  send(bytes: Uint8Array): void
  end(): void
  add(toxic: Toxic): void
  /** Changes attributes or toxicity. */
  update(toxic: Toxic, change: Partial<Pick<Toxic, 'attributes' | 'toxicity'>>): void
  remove(toxic: Toxic): void
  /** The receiver takes nothing more, or everything again. */
  block(): void
  unblock(): void
  /** Lets time pass, with all that is due in it. */
  pass(ms: number): void
  /** Chunks and closes a toxic touched. */
  hits(toxic: Toxic): number
}

/** A toxic as the API would make it. */
export function toxic(type: string, attributes: Attributes, more: Partial<Toxic> = {}): Toxic {
  const shared = { freeAtMs: 0 }
  return {
    name: type,
    type,
    stream: 'downstream',
    direction: 'downstream',
    toxicity: 1,
    attributes,
    shared,
    ...more,
  }
}

/** `connection` and `seed` choose the randomness, as they do on a server. */
export function virtualLink(toxics: readonly Toxic[] = [], seed = 1, connection = 1): VirtualLink {
  const arrivals: Arrival[] = []
  const waiting: Chunk[] = []
  let nowMs = 0
  let isBlocked = false
  const chain = new Chain({
    write(bytes) {
      arrivals.push({ atMs: nowMs, bytes })
      return !isBlocked
    },
    close: () => void arrivals.push({ atMs: nowMs, ended: 'close' }),
    reset: () => void arrivals.push({ atMs: nowMs, ended: 'reset' }),
  })
  const stage = (toxic: Toxic) => new Stage(toxic, randomFor(seed, 'virtual', connection, toxic.name), nowMs)
  const feed = () => {
    while (waiting.length > 0 && chain.hasRoom(nowMs)) chain.send(waiting.shift()!, nowMs)
  }
  const change = (what: () => unknown) => {
    what()
    chain.advance(nowMs)
    feed()
  }
  for (const toxic of toxics) chain.add(stage(toxic), nowMs)
  return {
    get nowMs() {
      return nowMs
    },
    arrivals,
    get arrivedBytes() {
      return arrivals.reduce((sum, arrival) => sum + ('bytes' in arrival ? arrival.bytes.length : 0), 0)
    },
    send: (bytes) => change(() => waiting.push({ bytes, receivedMs: nowMs })),
    end: () => change(() => chain.end(nowMs)),
    add: (toxic) => change(() => chain.add(stage(toxic), nowMs)),
    update: (toxic, to) => change(() => chain.update(Object.assign(toxic, to), nowMs)),
    remove: (toxic) => change(() => chain.remove(toxic, nowMs)),
    block: () => {
      isBlocked = true
    },
    unblock: () => {
      isBlocked = false
      change(() => chain.resume(nowMs))
    },
    pass(ms) {
      const untilMs = nowMs + ms
      for (let at = chain.nextAtMs(nowMs); at <= untilMs; at = chain.nextAtMs(nowMs)) {
        nowMs = at
        change(() => {})
      }
      nowMs = untilMs
    },
    hits: (toxic) => chain.hits(toxic),
  }
}
