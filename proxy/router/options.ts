// What the router can be told, as plain data: config.ts parses a YAML file into exactly these types. No defaults here
// but `routerDefaults`; inside the router nothing is optional. All durations are milliseconds.
import type { Signal } from '../object.ts'
import type { Clock, Digests, Log, Origin, Random } from '../ports.ts'

/**
 * What a cache node answers checks at, without asking S3: a node must not be given up because S3 is away. No bucket's
 * name begins with "_".
 */
export const cacheNodeCheckUri = '/_breakwater/health'

/** How a server is checked. */
export interface CheckOptions {
  /**
   * `http`: `method uri` is answered with a status below 500 (an unsigned request to a healthy S3 gets a 403), or by a
   * cache node in its own words (X-Cache-Status): one that says that S3 is away is well itself ·
   * `canary`: a GET of `uri` is answered 2xx, whole, within `slowMs` · `tcp`: a connection (and TLS handshake) succeeds.
   */
  readonly kind: 'http' | 'tcp' | 'canary'
  readonly method: 'GET' | 'HEAD' | 'OPTIONS'
  readonly uri: string
  /** Host header of the check; null takes the server's own host. */
  readonly host: string | null
  /** A canary that takes longer is a failed check. */
  readonly slowMs: number
  /** Interval while the server is steadily up. */
  readonly interMs: number
  /** Interval while checks or traffic disagree with the state. */
  readonly fastInterMs: number
  /** Interval while it is down. */
  readonly downInterMs: number
  /** A check not answered by then has failed. */
  readonly timeoutMs: number
  readonly rise: number
  readonly fall: number
}

/** Stage timeouts of one server; the adapter behind `open` keeps them. */
export interface StageTimeouts {
  readonly connectMs: number
  readonly firstByteMs: number
  readonly betweenBytesMs: number
}

export interface ServerOptions {
  /** Appears in X-Backend, the log and the admin page. */
  readonly name: string
  /** `http://127.0.0.1:8001` or `https://s3.example.com`. */
  readonly url: string
  /** PEM file of the authority to trust; null takes the system's. */
  readonly ca: string | null
  /** Name to verify and send as SNI; null takes the host of `url`. */
  readonly serverName: string | null
  /** Used only when no other server can be, in the order of the list. Servers that aren't backups are cache nodes. */
  readonly backup: boolean
  /** Requests in flight at once; more wait in the queue. */
  readonly maxConnections: number
  /**
   * Connections kept open at most by a small request every 4 s while it is up, so that a failover meets no handshake: as
   * many as the router's load would need here. 0: none.
   */
  readonly warmConnections: number
  readonly timeouts: StageTimeouts
  /** null: never checked, always taken for up. */
  readonly check: CheckOptions | null
}

/** What real traffic says of a server's health. */
export interface ObserveOptions {
  /** Failed requests in a row that mark it down; 0 never does. */
  readonly consecutiveErrors: number
  /** Share of failed requests within `windowMs` that marks it down, once there are `minRequests`; 1 never does. */
  readonly errorRatio: number
  readonly minRequests: number
  readonly windowMs: number
  /** First bytes this many times slower than the median of its peers (or than its own past) mark it down; 0 never does. */
  readonly slowFactor: number
}

export interface FlapOptions {
  /** Times marked down within `windowMs` from which it counts as flapping. */
  readonly count: number
  readonly windowMs: number
  /** A flapping server stays down at least this long, twice as long each further time, at most `maxHoldMs`. */
  readonly holdMs: number
  readonly maxHoldMs: number
}

export interface RetryOptions {
  /** Servers tried for one request, the first included. */
  readonly attempts: number
  /** Retries that may repeat work, as a share of requests; refused connections and resumed bodies repeat none and are free. */
  readonly budgetRatio: number
  /** Such retries a second that are always allowed. */
  readonly budgetPerSecond: number
  /** Times one body may be continued from another server. */
  readonly resumes: number
}

export interface HedgeOptions {
  readonly enabled: boolean
  /** A second server is asked when the first is silent for this long; for a miss only when it answers nobody. */
  readonly afterMs: number
  /** Hedges as a share of requests. */
  readonly budgetRatio: number
}

export interface QueueOptions {
  /** Requests waiting for a connection, for each server; more are answered 503. */
  readonly maxQueue: number
  readonly timeoutMs: number
  /** Share of a server's connections that only requests expected to hit may take, 0 to 1. */
  readonly reservedForHits: number
}

export interface RouterOptions {
  /** In Via and Cache-Status. */
  readonly name: string
  readonly servers: readonly ServerOptions[]
  readonly observe: ObserveOptions
  readonly flap: FlapOptions
  /** A server that comes up takes over its keys from other cache nodes over this time. */
  readonly slowStartMs: number
  /** From a complete request to the first byte of an answer; then 503. An upload's clock starts anew with every chunk taken. */
  readonly deadlineMs: number
  /** Silence allowed where S3 answers late (copies, completions of multipart uploads): to the head, and within the body. */
  readonly writeTimeoutMs: number
  readonly retry: RetryOptions
  readonly hedge: HedgeOptions
  readonly queue: QueueOptions
  /** Every request gets a line in the log, or only those that didn't go straight through. */
  readonly logRequests: 'all' | 'anomalies'
}

/** Values of everything that has a sensible default; a configuration file overrides them. */
export const routerDefaults = {
  name: 'breakwater-router',
  check: {
    kind: 'http',
    method: 'HEAD',
    uri: '/',
    host: null,
    slowMs: 250,
    interMs: 500,
    fastInterMs: 500,
    downInterMs: 500,
    timeoutMs: 500,
    rise: 2,
    fall: 3,
  } satisfies CheckOptions as CheckOptions,
  timeouts: {
    connectMs: 250,
    firstByteMs: 400,
    betweenBytesMs: 2000,
  } satisfies StageTimeouts as StageTimeouts,
  maxConnections: 512,
  warmConnections: 0,
  observe: { consecutiveErrors: 3, errorRatio: 0.5, minRequests: 20, windowMs: 10_000, slowFactor: 0 },
  flap: { count: 3, windowMs: 60_000, holdMs: 5000, maxHoldMs: 60_000 },
  slowStartMs: 0,
  deadlineMs: 900,
  writeTimeoutMs: 300_000,
  retry: { attempts: 3, budgetRatio: 0.2, budgetPerSecond: 10, resumes: 3 },
  hedge: { enabled: false, afterMs: 100, budgetRatio: 0.05 },
  queue: { maxQueue: 1024, timeoutMs: 400, reservedForHits: 0.2 },
  logRequests: 'anomalies',
} as const

/** A record of times, from which quantiles can be read. */
export interface Timing {
  record(ms: number): void
  /** `q` from 0 to 1; ms. 0 when nothing was recorded. */
  quantile(q: number): number
}

export interface RouterPorts {
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  /** null: bodies are relayed by their length alone. */
  readonly digests: Digests | null
  /** Opens a server's connections. Checks get their own, so that they never wait behind traffic. */
  open(server: ServerOptions, use: 'traffic' | 'check'): Origin
  /** An empty record of times. */
  timing(): Timing
  /** Connects (and shakes hands, for https) and hangs up: the check of kind `tcp`. Rejects with a ProxyError. */
  connect(server: ServerOptions, signal: Signal): Promise<void>
}
