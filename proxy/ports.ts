// Everything the flow of the proxy may touch of the outside world. Adapters implement these; tests and the
// simulated world implement them in memory on a virtual clock.
import type { Body, EntryMeta, HeaderList, StoredEntry } from './object.ts'

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
  /** Ends the request and its body. */
  readonly signal?: AbortSignal
}

export interface OriginResponse {
  readonly status: number
  readonly headers: HeaderList
  /** Throws `truncated`, `overlong`, `reset` or `between-bytes-timeout` rather than end short. */
  readonly body: Body
}

/** An S3 endpoint or a cache node, with its own connections, addresses and stage timeouts. */
export interface Origin {
  readonly name: string
  /** Resolves at the head of the answer, rejects with a ProxyError. */
  fetch(request: OriginRequest): Promise<OriginResponse>
}

/** A body being stored. Exactly one of `commit` and `abort` ends it. */
export interface StoreWriter {
  readonly writtenBytes: number
  /** Takes a chunk by reference. A promise asks the caller to wait (the disk lags); it rejects with ProxyError `store-io` or `store-full`. */
  write(chunk: Uint8Array): void | Promise<void>
  /** Bytes of the growing body from `offset`, at most `maxBytes`; resolves with what is there, empty when nothing is yet. */
  read(offset: number, maxBytes: number): Promise<Uint8Array>
  /** Makes the entry visible, whole and verified, or rejects and leaves nothing. */
  commit(meta: EntryMeta): Promise<StoredEntry>
  abort(): Promise<void>
}

export type StoreRefusal = { readonly refused: 'object-too-large' | 'store-full' | 'store-unavailable' }

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

/** Bodies and their metadata, on disk with hot small ones in memory. */
export interface BodyStore {
  /** Synchronous and free of side effects; also returns entries past their freshness. */
  lookup(key: string): StoredEntry | undefined
  /** Counts one use for eviction and `inactive`. */
  touch(key: string): void
  /**
   * Bytes `first` to `last` (inclusive) of an entry. One buffer when it is in memory or small, else pieces.
   * The first block has been verified when this resolves; rejects with ProxyError `corrupt`, `store-io` or `evicted`.
   */
  read(entry: StoredEntry, first: number, last: number): Uint8Array | Promise<Uint8Array | Body>
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
