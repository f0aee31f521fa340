// What the load generator's process and its parent say to each other. Plain data only: it crosses an IPC channel.
//
// parent → generator: `start` once, then `phase` as often as wanted, `verify-uploads` when the origin is back,
// and `end` once. generator → parent: `ready`, `line` (to be written to the history as it is), `phase-done`,
// `uploads-verified`, `ended`, and `refused` when what it was asked makes no sense.
import type { HistoryLine } from '../history/events.ts'

/** Where requests go. `https:` verifies the chain against `caFile` and the certificate's name against `serverName`. */
export interface Endpoint {
  /** `http://127.0.0.1:8080` or `https://127.0.0.1:8443`; no path. */
  readonly url: string
  /** PEM of the certificate authority. */
  readonly caFile?: string
  readonly serverName?: string
}

export interface SigningCredentials {
  readonly accessKey: string
  readonly secretKey: string
  readonly region: string
}

/** Shares of the arrivals, each 0 to 1; the rest are reads of known objects. */
export interface Shares {
  readonly neverRead: number
  readonly upload: number
}

/**
 * Which known object a read asks for. Rank is dealt by the seed, independent of size, and the k-th most popular
 * object is drawn with weight 1 / k^zipf. Objects over `bigObjectBytes` stand outside the ranks: together they get
 * `bigObjectShare` of the known reads, each equally often, so that a 30 MB binary can't eat the whole bandwidth.
 */
export interface Popularity {
  readonly zipf: number
  readonly bigObjectBytes: number
  readonly bigObjectShare: number
}

/** How an open-loop phase loads the system; every field can be set anew for a phase. */
export interface Workload {
  readonly arrivals: 'poisson' | 'constant'
  /** All populations together. */
  readonly ratePerSecond: number
  readonly shares: Shares
  readonly popularity: Popularity
  /** Part of the reads of known objects that ask for some of an object's bytes (Range), 0 to 1. */
  readonly rangeShare: number
}

/** Narrows a phase to some of the known objects; all conditions must hold. */
export interface ObjectFilter {
  readonly prefix?: string
  readonly minBytes?: number
  readonly maxBytes?: number
  readonly keys?: readonly string[]
}

/** What stays the same for the whole run. */
export interface GeneratorConfig {
  readonly target: Endpoint
  /** The Host header, and the host that is signed: `s3.breakwater.test`. */
  readonly hostHeader: string
  readonly bucket: string
  /**
   * The origin's manifest: lines of `{ "key", "bytes", "sha256", "etag"?, "role": "known" | "never-read" }`. Each never-read
   * object is asked for at most once in a run.
   */
  readonly manifest: string
  /** null: requests are not signed. */
  readonly credentials: SigningCredentials | null
  readonly seed: number
  /** `process.hrtime.bigint()` at the run's beginning, as text: the zero of every `atMs`. */
  readonly runStartNs: string
  readonly workload: Workload
  /** Uploads go to new keys below this: `uploads/`. */
  readonly uploadPrefix: string
  /** Values of `X-Backend` that mean the router went past the cache to its backup, straight to the origin. */
  readonly backups: readonly string[]
  /** Arrivals above this many requests in flight end as `dropped`. */
  readonly maxInFlight: number
  /** A request that is not complete this long after it was sent ends as `timeout`. */
  readonly timeoutMs: number
}

/**
 * Reads every known object once, `concurrency` at a time, so that the cache holds it. What fails, or went past the cache,
 * is asked for again, three times at the most; the phase is refused when something still fails.
 */
export interface WarmPhase {
  readonly mode: 'warm'
  readonly name: string
  readonly concurrency: number
  readonly only?: ObjectFilter
}

/**
 * Reads a sample of the known objects one at a time, so that nothing waits for anything but the path itself.
 * The sample is the seed's choice, spread evenly over the sizes.
 */
export interface ColdPhase {
  readonly mode: 'cold'
  readonly name: string
  readonly reads: number
  /** Where to read; the system under test when absent. */
  readonly target?: Endpoint
  /** `full`: each read on a new connection · `resumed`: new, with the last TLS session · `kept`: one connection for all. */
  readonly handshake: 'full' | 'resumed' | 'kept'
  readonly only?: ObjectFilter
}

/** Arrivals by a schedule that does not care how the system answers. */
export interface OpenLoopPhase {
  readonly mode: 'open-loop'
  readonly name: string
  readonly durationMs: number
  readonly workload?: Partial<Workload>
  readonly only?: ObjectFilter
}

export type Phase = WarmPhase | ColdPhase | OpenLoopPhase

export type ToGenerator =
  | { readonly type: 'start'; readonly config: GeneratorConfig }
  | { readonly type: 'phase'; readonly phase: Phase }
  /** Asks the origin itself for every upload that was acknowledged, and compares digests. */
  | { readonly type: 'verify-uploads'; readonly origin: Endpoint }
  /** Waits up to `graceMs` for requests in flight; the rest end as `cancelled`. */
  | { readonly type: 'end'; readonly graceMs: number }

/**
 * The phase's schedule has run out. Requests may still be in flight: their windows follow as `line`s, under this
 * phase's name, while the next phase runs. In warm and cold phases nothing is in flight any more.
 */
export interface PhaseDone {
  readonly type: 'phase-done'
  readonly name: string
  readonly startMs: number
  readonly endMs: number
  readonly scheduled: number
  /** How late 1 % of the phase's arrivals were sent, at least, of those that have ended; 0 in warm and cold phases. */
  readonly slipP99Ms: number
  /** Never-read objects still in reserve. At 0 such arrivals have become known reads. */
  readonly neverReadLeft: number
}

export type FromGenerator =
  | { readonly type: 'ready'; readonly knownObjects: number; readonly neverReadObjects: number }
  | { readonly type: 'line'; readonly line: HistoryLine }
  | PhaseDone
  | { readonly type: 'uploads-verified'; readonly acknowledged: number; readonly lost: number }
  | { readonly type: 'ended' }
  | { readonly type: 'refused'; readonly reason: string }
