// The lines of history.ndjson.gz: what happened in a run, in order. Everything a report or verdict says is
// computed from these lines alone. All `atMs` are milliseconds since the run began, on the runner's monotonic clock.

/** How an arrival ended: exactly one of these for each. Reads that succeeded are named by the path that served them. */
export const outcomes = [
  'hit',
  'stale',
  'revalidated',
  'miss',
  'failover',
  'direct',
  'refused',
  'reset',
  'truncated',
  'timeout',
  'corrupt',
  'http4xx',
  'http5xx',
  'dropped',
  'cancelled',
] as const
export type Outcome = (typeof outcomes)[number]

/** Outcomes in which the client got every byte, and the right ones. */
export const okOutcomes: ReadonlySet<Outcome> = new Set<Outcome>([
  'hit',
  'stale',
  'revalidated',
  'miss',
  'failover',
  'direct',
])

/**
 * What an arrival asks for.
 * known: an object that was read before any fault · never-read: an object nobody has read yet ·
 * upload: a PUT of a new object.
 */
export const populations = ['known', 'never-read', 'upload'] as const
export type Population = (typeof populations)[number]

export type Timing = 'responseMs' | 'serviceMs' | 'ttfbMs'

/** A histogram of microseconds: HdrHistogram V2, compressed, base64. Absent when nothing was recorded. */
export type EncodedHistogram = string

export interface RunLine {
  readonly type: 'run'
  readonly scenario: string
  readonly system: string
  readonly origin: string
  readonly toxiproxy: { readonly kind: 'embedded' | 'real'; readonly version: string }
  readonly seed: number
  readonly speed: number
  readonly startedAt: string
  readonly versions: { readonly node: string; readonly commit: string }
  readonly machine: string
  /** What was asked for and filled in, for the report: flags, workload, and the system's files with secrets masked. */
  readonly configuration: Readonly<Record<string, unknown>>
  /** Dollars for a GB out of S3; absent in histories of before it could be said. */
  readonly dollarsPerGb?: number
  readonly thresholds: readonly import('../checkers/threshold.ts').Threshold[]
}

export interface PhaseLine {
  readonly type: 'phase'
  readonly name: string
  /** What a reader should know of this phase, one sentence. */
  readonly story: string
  /** On `start`: the load goes straight to the origin, past the system. A control; its bytes are no part of the run's ledger. */
  readonly control?: boolean
  readonly edge: 'start' | 'end'
  readonly atMs: number
}

export interface FaultLine {
  readonly type: 'fault'
  readonly name: string
  /** Where it acts: a link, a part, the origin, a name. */
  readonly target: string
  readonly edge: 'applied' | 'healed'
  readonly atMs: number
  /** On `healed`: traffic the fault is known to have touched, by the evidence of whoever injected it. 0 makes the verdict unknown. */
  readonly touched?: { readonly count: number; readonly evidence: string }
  /** Drawn at random with others: it may touch nothing, as long as one of them did. */
  readonly drawn?: true
}

/** One second of the generator's arrivals of one population, by intended start. */
export interface WindowLine {
  readonly type: 'window'
  readonly phase: string
  readonly population: Population
  readonly atMs: number
  readonly widthMs: number
  readonly scheduled: number
  readonly byOutcome: Readonly<Partial<Record<Outcome, number>>>
  /** Body bytes that reached the clients. */
  readonly servedBytes: number
  /** Of arrivals that ended ok. `response` counts from the intended start, `service` from the first byte written. */
  readonly responseUs?: EncodedHistogram
  readonly serviceUs?: EncodedHistogram
  readonly ttfbUs?: EncodedHistogram
  /** Response times of arrivals that failed: how long a clear failure took. */
  readonly failedUs?: EncodedHistogram
}

/** Reads that ended ok since the last such line, by the object's size and the path that served it. Times count from the first byte sent. */
export interface SizesLine {
  readonly type: 'sizes'
  readonly phase: string
  readonly atMs: number
  /** The largest size of the class, bytes; null for the largest objects (size-classes.ts). */
  readonly upToBytes: number | null
  readonly outcome: Outcome
  /** Reads of a part of an object, by Range; its size is the part's. */
  readonly isPart: boolean
  readonly reads: number
  readonly bytes: number
  /** To the first byte of the answer, and to the last of its body. */
  readonly ttfbUs: EncodedHistogram
  readonly serviceUs: EncodedHistogram
}

/** Every arrival that did not end ok, while there are few; `suppressed` counts those left out of a second. */
export interface FailureLine {
  readonly type: 'failure'
  readonly phase: string
  readonly population: Population
  readonly atMs: number
  readonly key: string
  readonly outcome: Outcome
  readonly responseMs: number
  readonly detail: string
  readonly requestId: string
  readonly suppressed?: number
  /** How many of its population had failed one after the other when it ended, it too; the most of those it stands for. Absent in old histories. */
  readonly inARow?: number
}

/** An upload that was acknowledged, and later whether the origin holds it. */
export interface UploadLine {
  readonly type: 'upload'
  readonly phase: string
  readonly acknowledged: number
  readonly heldByOrigin: number
  readonly lost: readonly string[]
}

/** One request that reached the origin, from its own log: the ground truth for fetches and bytes. */
export interface OriginLine {
  readonly type: 'origin'
  readonly atMs: number
  readonly method: string
  readonly key: string
  readonly status: number
  readonly bytes: number
  /** First and last byte asked for; absent for whole objects. */
  readonly range?: string
}

/** One request for a private object by a client without credentials. */
export interface StrangerLine {
  readonly type: 'stranger'
  readonly atMs: number
  readonly target: string
  readonly isServed: boolean
}

/** One read of an object that the run keeps writing, by the client who writes it. Versions count from 1. */
export interface RereadLine {
  readonly type: 'reread'
  readonly atMs: number
  readonly key: string
  /** The last version whose write had been acknowledged when the read began; 0 when none had. */
  readonly acknowledged: number
  /** The version that was read: 0 for none at all (a 404, or bytes that are no version), null when the read failed. */
  readonly read: number | null
}

/** A backend of the router changed state, or a part of the system did (process died, came back). */
export interface StateLine {
  readonly type: 'state'
  readonly part: string
  readonly subject: string
  readonly state: string
  readonly because: string
  readonly atMs: number
}

/** What the system itself says it recorded about the origin's downtime, read at the end of the run. */
export interface DowntimeLine {
  readonly type: 'downtime'
  readonly part: string
  readonly backend: string
  readonly measuredMs: number
}

/** One second of a Toxiproxy link. */
export interface LinkLine {
  readonly type: 'link'
  readonly link: string
  readonly atMs: number
  readonly upstreamBytes: number
  readonly downstreamBytes: number
}

/** What a part of the deployment holds at a moment. */
export interface HoldingLine {
  readonly type: 'holding'
  readonly part: string
  readonly atMs: number
  /** Resident memory of all its processes. */
  readonly rssBytes: number
  /** TCP connections to where it listens that it has not closed yet; absent when that can't be seen. */
  readonly connections?: number
  /** What the files of its store occupy on disk; absent unless the scenario demands something of it. */
  readonly storeDiskBytes?: number
  /** The same as the part itself states it. */
  readonly storeStatedBytes?: number
}

/** Requests on their way from a part to one of its backends or origins at a moment, and those that wait there for their turn. */
export interface LoadLine {
  readonly type: 'load'
  readonly part: string
  readonly subject: string
  readonly atMs: number
  readonly inFlight: number
  readonly waiting: number
}

/** What a cache says of its store at a moment. */
export interface StoreLine {
  readonly type: 'store'
  readonly part: string
  readonly atMs: number
  readonly usedBytes: number
  readonly entries: number
  /** Since the part started: a restart begins anew. */
  readonly evictions: number
}

/** A part of the deployment used this much CPU in the run, in all. */
export interface CpuLine {
  readonly type: 'cpu'
  readonly part: string
  readonly seconds: number
  readonly maxRssBytes: number
}

/** The generator's own health, at its end. */
export interface GeneratorLine {
  readonly type: 'generator'
  readonly slipP99Ms: number
  readonly cpuSeconds: number
  readonly eventLoopLagP99Ms: number
  /** Pauses for garbage collection; absent in histories of before they were counted. */
  readonly gc?: { readonly pauses: number; readonly totalMs: number; readonly longestMs: number }
  readonly scheduled: number
  readonly sent: number
  readonly dropped: number
}

/** What a link with no toxic on it costs: median and p99 of small round trips through it and past it, in turn, ms. */
export interface LinkCostLine {
  readonly type: 'link-cost'
  readonly atMs: number
  readonly roundTrips: number
  readonly directMs: { readonly p50: number; readonly p99: number }
  readonly throughLinkMs: { readonly p50: number; readonly p99: number }
}

/** Why a run can't be judged: steady state not reached, a part died, the origin's log disagrees. */
export interface DoubtLine {
  readonly type: 'doubt'
  readonly atMs: number
  readonly reason: string
}

/** The last line. A history without it was cut short: the verdict is unknown. */
export interface EndLine {
  readonly type: 'end'
  readonly atMs: number
  readonly interrupted: boolean
}

export type HistoryLine =
  | RunLine
  | PhaseLine
  | FaultLine
  | WindowLine
  | SizesLine
  | FailureLine
  | UploadLine
  | OriginLine
  | StrangerLine
  | RereadLine
  | StateLine
  | DowntimeLine
  | LinkLine
  | HoldingLine
  | LoadLine
  | StoreLine
  | CpuLine
  | GeneratorLine
  | LinkCostLine
  | DoubtLine
  | EndLine
