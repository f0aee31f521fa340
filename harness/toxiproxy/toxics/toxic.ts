// What a toxic is. A toxic knows neither sockets nor clocks: chunks and the time come in, and out go the pieces
// that leave, when they leave, and how the stream ends. So the same toxics run on real and on virtual time.

export type Direction = 'upstream' | 'downstream'
export const directions: readonly Direction[] = ['upstream', 'downstream']

/** Bytes on their way. `receivedMs` is when they came in from the socket, or were due to leave the toxic before this one. */
export interface Chunk {
  readonly bytes: Uint8Array
  readonly receivedMs: number
}

/** Something that leaves a toxic, and when. `Infinity` is never: only a change of the toxic frees it. */
export type Release =
  | { readonly kind: 'data'; readonly chunk: Chunk; readonly atMs: number }
  /** The stream ends as after a FIN. */
  | { readonly kind: 'close'; readonly atMs: number }
  /** The connection ends with a RST; what was on its way is lost. */
  | { readonly kind: 'reset'; readonly atMs: number }

export const deliver = (chunk: Chunk, atMs: number): Release => ({ kind: 'data', chunk, atMs })
export const close = (atMs: number): Release => ({ kind: 'close', atMs })

/** A number in [0, 1). */
export type Random = () => number

export type Attributes = Record<string, number | string | undefined>

/** A toxic as the API shows it. `attributes` and `toxicity` change under running behaviours, which read them anew each time. */
export interface Toxic<A extends Attributes = Attributes> {
  readonly name: string
  readonly type: string
  /** As the client wrote it: Toxiproxy shows "UPSTREAM" if it was given so. */
  readonly stream: string
  readonly direction: Direction
  /** Share of connections it acts on; not validated, as in Toxiproxy. */
  toxicity: number
  attributes: A
  /** What all connections of one proxy share, for toxics with `scope: "proxy"`. */
  shared: { freeAtMs: number }
}

/** One toxic at work on one direction of one connection. */
export interface Behaviour {
  /** What leaves because of this chunk, in order. Empty: it was dropped. */
  take(chunk: Chunk, nowMs: number): readonly Release[]
  /** The sender closed. */
  end(nowMs: number): Release
  /** The toxic was changed, or its neighbour in the chain was; what it had held back has been taken away. */
  restart?(nowMs: number): void
  /** When to close the stream if nothing more comes in. */
  readonly closesAtMs?: number
}

/** An attribute: a Go integer, a number of breakwater's own, or one of a few words. */
export type Field =
  | { readonly type: 'int64' | 'int' }
  /** Of breakwater only: shown only when given. */
  | { readonly type: 'word'; readonly words: readonly string[] }

export interface ToxicKind<A extends Attributes = Attributes> {
  /** Toxiproxy's name of it, which its error texts contain. */
  readonly goType: string
  readonly fields: Readonly<Record<string, Field>>
  /** Chunks it holds before its sender has to wait. */
  readonly buffer: number
  /** Removing it closes the stream: what it swallowed can't be given back. */
  readonly closesOnRemoval?: true
  /** Of breakwater only: a real Toxiproxy doesn't know it. */
  readonly extension?: true
  /** Why these attributes can't work, or undefined. */
  refuse?(attributes: A): string | undefined
  start(toxic: Toxic<A>, random: Random, nowMs: number): Behaviour
}
