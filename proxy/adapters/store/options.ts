// What the stores can be told. Plain data, parsed once by the configuration; nothing here has a default.
import type { EvictionName } from '../../policy/eviction.ts'
import type { Clock, Log } from '../../ports.ts'

export interface DiskStoreOptions {
  /** Directory that belongs to the store alone; made when missing. */
  readonly path: string
  /** Hard cap on what the directory occupies: bodies, block checksums, fills under way, index. */
  readonly maxBytes: number
  /** Bounds the memory that the index takes (catalog.ts), whatever the size of the objects. */
  readonly maxEntries: number
  /** Larger bodies are refused with `object-too-large`. */
  readonly maxObjectBytes: number
  /** An entry nobody used for this long is dropped, fresh or not. A restart counts as a use, as in nginx. */
  readonly inactiveMs: number
  /** The n-th fill of a key is the first one stored; 1 stores at once. */
  readonly minUses: number
  readonly eviction: EvictionName
  /** How long a failed disk is left alone before it is tried again. */
  readonly retryMs: number
  /** A file that tells which disk faults to play (store/disk-faults.ts); null in production. */
  readonly faultsFile: string | null
}

export interface MemoryStoreOptions {
  /** Cap on bodies and headers together, as counted by the store. */
  readonly maxBytes: number
  readonly maxObjectBytes: number
  readonly eviction: EvictionName
}

export interface StorePorts {
  readonly clock: Clock
  readonly log: Log
}
