// What the runner holds of an origin process: where it is, what it keeps, how to break it and what it saw.
import { UsageError } from '../errors.ts'

/** The name every client of the origin verifies and signs. */
export const originHost = 's3.breakwater.test'
export const originRegion = 'us-east-1'

export interface Credentials {
  readonly accessKey: string
  readonly secretKey: string
}

/**
 * known: read in the warm phase · never-read: kept for the arrivals that must miss.
 * Keys of known objects under `releases/` are the ones that get a short `valid`.
 */
export type ObjectRole = 'known' | 'never-read'

/** Keys under this prefix are given a short freshness, so that they become stale within an outage. */
export const shortLivedPrefix = 'releases/'

/** One line of the manifest (ndjson): the truth that every body read is compared with. */
export interface ManifestObject {
  readonly key: string
  readonly bytes: number
  /** Hex digests of the body. `md5` is also the ETag. */
  readonly sha256: string
  readonly md5: string
  readonly role: ObjectRole
}

export const originFaultKinds = [
  'slow-down', // 503 with S3's SlowDown body
  'internal-error', // 500 with S3's InternalError body
  'forbidden', // 403 AccessDenied whatever was signed
  'slow-first-byte', // the head of the answer waits `delayMs`
  'truncated', // Content-Length promises all, half of the body arrives, then a clean end
  'overlong', // more bytes than Content-Length promised
  'altered', // one bit of the body is flipped
  'wrong-etag', // right body, an ETag of something else
  'error-with-200', // status 200 with an S3 error document as its body
] as const
export type OriginFaultKind = (typeof originFaultKinds)[number]

/** A way for S3 to misbehave at the HTTP level. Faults with the same `id` replace each other. */
export interface OriginFault {
  readonly id: string
  readonly kind: OriginFaultKind
  /** Part of the matching requests that are touched, 0 to 1; which ones follows from the origin's seed. */
  readonly share: number
  /** Only keys (without the bucket) that start with this; every request when empty. */
  readonly prefix: string
  /** For `slow-first-byte`, ms. */
  readonly delayMs?: number
}

export interface TouchedFault {
  readonly id: string
  /** Requests the fault acted on since it was set. */
  readonly touched: number
}

/** One request the origin answered: ground truth for what reached S3. */
export interface OriginLogEntry {
  /** Counts from 1 in this origin's life. */
  readonly sequence: number
  /** Wall time at which the request head was complete, ms since the epoch. */
  readonly wallMs: number
  readonly method: string
  /** Key without the bucket, decoded; empty for requests on the bucket or the service. */
  readonly key: string
  /** Without the parameters of a signature. */
  readonly query: string
  readonly status: number
  /** Body bytes handed to the connection. */
  readonly bytes: number
  /** The Range header as asked, when there was one. */
  readonly range?: string
  /** The whole answer went out and the client was still there. */
  readonly complete: boolean
  readonly requestId: string
  /** The fault that acted on it. */
  readonly fault?: string
  /** Why the signature check refused it. */
  readonly denied?: string
}

export interface OriginHandle {
  readonly kind: 's3rver' | 'synthetic' | 'external'
  /** `127.0.0.1:PORT` of the TLS listener: the upstream of the links to S3. */
  readonly tlsAddress: string
  readonly host: string
  /** PEM of the certificate authority that the listener's certificate chains to. */
  readonly caFile: string
  readonly credentials: Credentials
  readonly bucket: string
  readonly manifestFile: string
  /** Root of the admin server, `http://127.0.0.1:PORT`. */
  readonly adminUrl: string
  readonly pid: number
  readonly logFile: string
  /** Resolves when the origin's process ends, with how in words: unexpected unless `stop` was called. */
  readonly exited: Promise<string>
  setFault(fault: OriginFault): Promise<void>
  /** Removes one fault; resolves with what it touched. Removing one that isn't set is not an error. */
  clearFault(id: string): Promise<TouchedFault>
  clearFaults(): Promise<readonly TouchedFault[]>
  /** Serves a different certificate for new connections and closes the idle ones; `good` is the way back. */
  setCertificate(kind: CertificateKind): Promise<void>
  /** How many handshakes have begun under each certificate since the start. */
  handshakes(): Promise<Readonly<Record<CertificateKind, number>>>
  /** Entries with a sequence above `after`, at most some thousands at a time; `missed` counts those that fell out of the ring. */
  requestLog(after: number): Promise<{ readonly entries: readonly OriginLogEntry[]; readonly missed: number }>
  /** What the origin holds of a key right now, from its own store, past every fault. */
  holds(key: string): Promise<{ readonly bytes: number; readonly md5: string } | null>
  stop(): Promise<void>
}

export const certificateKinds = ['good', 'expired', 'wrong-name', 'unknown-authority'] as const
export type CertificateKind = (typeof certificateKinds)[number]

export interface OriginOptions {
  readonly kind: 's3rver' | 'synthetic' | 'external'
  /** For an external one: `https://HOST/BUCKET`, its credentials in AWS's environment variables. */
  readonly url?: string
  /** An existing directory for this run: objects, certificates and the process's log go there. */
  readonly dir: string
  /** The user's own files instead of the default data set. */
  readonly dataset?: string
  /** Sizes of known objects to make beside those of the data set, bytes. */
  readonly largeObjects?: readonly number[]
  /** How many objects the synthetic origin has. */
  readonly objects?: number
  readonly seed: number
  readonly port?: number
}

/** `--origin`: a name, or the URL of a bucket elsewhere. @throws UsageError for anything else. */
export function originChoice(choice: string): Pick<OriginOptions, 'kind' | 'url'> {
  if (choice === 's3rver' || choice === 'synthetic') return { kind: choice }
  if (/^https?:\/\/[^/]+\/./.test(choice)) return { kind: 'external', url: choice }
  throw new UsageError(`--origin: expected s3rver, synthetic or https://HOST/BUCKET, got "${choice}"`)
}
