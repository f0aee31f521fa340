// What the tests of the stores share: options, metadata, bodies and fills. No test of its own.
import assert from 'node:assert'
import type { Body, EntryMeta, StoredEntry } from '../../object.ts'
import type { BodyStore, Clock, Log } from '../../ports.ts'
import type { DiskStoreOptions, StorePorts } from './options.ts'

export function diskOptions(path: string, changes: Partial<DiskStoreOptions> = {}): DiskStoreOptions {
  return {
    path,
    maxBytes: 64 << 20,
    maxObjectBytes: 32 << 20,
    inactiveMs: 3_600_000,
    minUses: 1,
    eviction: 's3-fifo',
    retryMs: 50,
    faultsFile: null,
    ...changes,
  }
}

/** Real time and a log that keeps its lines. */
export function testPorts(): StorePorts & { readonly lines: string[] } {
  const lines: string[] = []
  const keep = (message: string) => void lines.push(message)
  const log: Log = { debug: keep, info: keep, warn: keep, error: keep }
  return { clock: realClock, log, lines }
}

const realClock: Clock = {
  monotonicMs: () => performance.now(),
  wallMs: () => Date.now(),
  after(delayMs, callback) {
    const timer = setTimeout(callback, delayMs)
    return () => clearTimeout(timer)
  },
}

export function metaOf(bodyBytes: number, changes: Partial<EntryMeta> = {}): EntryMeta {
  return {
    status: 200,
    headers: ['Content-Type', 'application/json', 'ETag', '"abc"'],
    bodyBytes,
    etag: '"abc"',
    validatedAtMs: 1000,
    freshUntilMs: 2000,
    isPublic: false,
    ...changes,
  }
}

/** A body that differs in every place and from every other seed's. */
export function bodyOf(bytes: number, seed = 1): Buffer {
  const body = Buffer.allocUnsafe(bytes)
  let state = (seed * 0x9e3779b1) >>> 0
  for (let i = 0; i < bytes; i += 1) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    body[i] = state >>> 24
  }
  return body
}

/** Stores a body in chunks of `chunkBytes`. */
export async function fill(
  store: BodyStore,
  key: string,
  body: Buffer,
  { known = true, chunkBytes = 50_000 } = {},
): Promise<StoredEntry> {
  const writer = await store.begin(key, known ? body.length : null)
  assert(!('refused' in writer), `refused: ${'refused' in writer && writer.refused}`)
  for (let at = 0; at < body.length; at += chunkBytes) await writer.write(body.subarray(at, at + chunkBytes))
  const entry = await writer.commit(metaOf(body.length))
  writer.release()
  return entry
}

/** Reads bytes `first` to `last` of an entry into one buffer. */
export async function readAll(
  store: BodyStore,
  entry: StoredEntry,
  first = 0,
  last?: number,
): Promise<Buffer> {
  return collect(await store.read(entry, first, last ?? entry.meta.bodyBytes - 1))
}

export async function collect(body: Uint8Array | Body): Promise<Buffer> {
  if (body instanceof Uint8Array) return Buffer.from(body)
  const pieces: Uint8Array[] = []
  for await (const piece of body) pieces.push(piece)
  return Buffer.concat(pieces)
}
