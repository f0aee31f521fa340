// Everything the flow of the proxy may touch of the outside world. Adapters implement these; tests and the
// simulated world implement them in memory on a virtual clock.
import type { Body, EntryMeta, HeaderList, ReceivedLines, Signal, StoredEntry } from './object.ts'
import type { AddressHealth } from './policy/address-health.ts'

export interface Clock {
  /** Never jumps; for ages, timeouts and intervals. */
  monotonicMs(): number
  /** Calendar time; for freshness that must survive a restart, Date headers and signatures. */
  wallMs(): number
  /** Runs `callback` once after `delayMs`; the returned function cancels it. */
  after(delayMs: number, callback: () => void): () => void
}

export interface Random {
  /** Uniform in [0, 1). */
  next(): number
}

export interface OriginRequest {
  readonly method: string
  readonly target: string
  /** Sent as they are, Host included; the adapter adds nothing but Connection. */
  readonly headers: HeaderList
  readonly body: Body | null
  /** Instead of the origin's own stage timeout from the end of the request to the head of the answer; Infinity: the signal alone bounds it. */
  readonly firstByteMs?: number
  /** Instead of the origin's own longest silence within the body of an answer. */
  readonly betweenBytesMs?: number
  /** Ends the request and its body. */
  readonly signal?: Signal
}

export interface OriginResponse {
  readonly status: number
  readonly headers: HeaderList
  /** The same as they came, where that is known. */
  readonly received?: ReceivedLines
  /** Throws `truncated`, `overlong`, `reset` or `between-bytes-timeout` rather than end short. */
  readonly body: Body
  /** All of the body, when it came with the head: then `body` need be neither read nor thrown away. */
  readonly whole?: Uint8Array
}

/** Whom an origin tells of an answer by a plain call, perhaps before `send` returns: one of the two, once. */
export interface Receiver {
  /** The head has come. */
  answered(response: OriginResponse): void
  /** Mostly with a ProxyError. */
  failed(error: unknown): void
}

/** An S3 endpoint or a cache node, with its own connections, addresses and stage timeouts. */
export interface Origin {
  readonly name: string
  /** Resolves at the head of the answer, rejects with a ProxyError. */
  fetch(request: OriginRequest): Promise<OriginResponse>
  /** The same without a promise, where what happens at every request has to be cheap. */
  readonly send?: (request: OriginRequest, receiver: Receiver) => void
  /** What is known of its addresses, for status pages; undefined where connections have none. */
  readonly addresses?: (() => readonly AddressHealth[]) | undefined
}

/**
 * A body being stored. Exactly one of `commit` and `abort` ends it. After a commit `read` goes on working for
 * those who are still behind (also when the entry has been evicted or removed meanwhile), until `release`.
 */
export interface StoreWriter {
  readonly writtenBytes: number
  /** Takes a chunk by reference. A promise asks the caller to wait (the disk lags); it rejects with ProxyError `store-io` or `store-full`. */
  write(chunk: Uint8Array): void | Promise<void>
  /** Bytes of the growing body from `offset`, at most `maxBytes`; resolves with what is there, empty when nothing is yet. */
  read(offset: number, maxBytes: number): Promise<Uint8Array>
  /** Makes the entry visible, whole and verified, or rejects and leaves nothing. */
  commit(meta: EntryMeta): Promise<StoredEntry>
  /** Frees what the body took. Nobody reads any more. */
  abort(): Promise<void>
  /** Called once after a commit, when the last reader has left: frees the descriptor or buffer. */
  release(): void
}

export type StoreRefusal = {
  readonly refused: 'object-too-large' | 'min-uses' | 'store-full' | 'store-unavailable'
}

export interface StoreStats {
  readonly entries: number
  readonly usedBytes: number
  readonly maxBytes: number
  readonly memoryBytes: number
  readonly evictions: number
  readonly corrupt: number
  /** False while the disk fails and requests go through uncached. */
  readonly available: boolean
}

/** A body, or the part of one that was asked for, as a store hands it out. */
export type Stored = Uint8Array | Body

/** Bodies and their metadata, on disk with hot small ones in memory. */
export interface BodyStore {
  /** Synchronous and free of side effects; also returns entries past their freshness. */
  lookup(key: string): StoredEntry | undefined
  /** Counts one use for eviction and `inactive`. */
  touch(key: string): void
  /**
   * Bytes `first` to `last` (inclusive) of an entry: one buffer when it is in memory or small, else pieces, at once when
   * the first is. That one has been verified when this is there; rejects with ProxyError `corrupt`, `store-io` or `evicted`.
   */
  read(entry: StoredEntry, first: number, last: number): Stored | Promise<Stored>
  /** Reserves room (evicting what the policy names) and opens a writer; `bodyBytes` null when the length is unknown. */
  begin(key: string, bodyBytes: number | null): Promise<StoreWriter | StoreRefusal>
  /** Replaces the metadata of an entry after a revalidation; false when it is gone. */
  update(key: string, meta: EntryMeta): boolean
  /** Forgets an entry; readers that have it open finish. */
  remove(key: string): boolean
  stats(): StoreStats
  close(): Promise<void>
}

export interface Resolver {
  /** Addresses of a name, the last good answer while DNS fails; rejects with ProxyError `dns-failed` when there never was one. */
  resolve(name: string): Promise<readonly string[]>
}

export type LogFields = Readonly<Record<string, string | number | boolean | null | undefined>>

/** Structured log lines. Callers never pass a secret; adapters mask what looks like one all the same. */
export interface Log {
  debug(message: string, fields?: LogFields): void
  info(message: string, fields?: LogFields): void
  warn(message: string, fields?: LogFields): void
  error(message: string, fields?: LogFields): void
}

/** The parts of a request that an AWS signature covers; the payload's hash travels in a header. */
export interface SignedParts {
  readonly method: string
  readonly target: string
  readonly headers: HeaderList
}

/** What a request's SigV4 header or presigned URL proves. */
export type SignatureVerdict =
  | { readonly kind: 'unsigned' }
  | {
      readonly kind: 'valid'
      readonly accessKey: string
      /** Lower-case names of the headers the client signed. */
      readonly signedHeaders: readonly string[]
      readonly presigned: boolean
    }
  | {
      readonly kind: 'invalid'
      readonly because: 'malformed' | 'unknown-key' | 'mismatch' | 'expired' | 'skewed' | 'unsupported'
    }

/** Checks and makes SigV4 signatures with the configured keys. Synchronous, so that a memory hit stays so. */
export interface Signatures {
  /** `nowMs` is wall time. Reads the header form and the presigned form. */
  verify(request: SignedParts, nowMs: number): SignatureVerdict
  /**
   * The headers to send: those given, plus Authorization, X-Amz-Date and X-Amz-Content-Sha256, signed with the key
   * `accessKey` names. `headers` and `target` must hold no earlier signature.
   */
  sign(request: SignedParts, accessKey: string, nowMs: number): HeaderList
}

export type DigestAlgorithm = 'md5' | 'sha1' | 'sha256' | 'crc32' | 'crc32c' | 'crc64nvme'

export interface RunningDigest {
  update(chunk: Uint8Array): void
  /** The digest of all chunks, base64. Called once. A promise from libraries that give no other; nothing is waited for. */
  value(): string | Promise<string>
}

/** Digests of bodies, checked where S3 states one. */
export interface Digests {
  start(algorithm: DigestAlgorithm): RunningDigest
}

/** One line of the access log: what a request cost and why it was answered so. The planner reads these. */
export interface AccessRecord {
  /** Wall time at which the request was complete, ms. */
  readonly atMs: number
  readonly method: string
  readonly bucket: string
  readonly key: string
  readonly status: number
  /** Body bytes handed to the client's connection. */
  readonly bytes: number
  /** Size of the whole object; null when unknown. */
  readonly objectBytes: number | null
  readonly cacheStatus: string
  readonly reason: string
  readonly backend: string
  readonly upstreamBytes: number
  /** From asking upstream to its head; null when it wasn't asked. */
  readonly upstreamMs: number | null
  readonly range: string | null
  readonly etag: string | null
}

export interface AccessLog {
  record(record: AccessRecord): void
}
