// What the tests of the stores share: options, metadata, bodies and fills. No test of its own.
import assert from 'node:assert'
import { existsSync, lstatSync, readdirSync } from 'node:fs'
import { uniformInt } from 'pure-rand/distribution/uniformInt'
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus'
import type { Body, EntryMeta, StoredEntry } from '../../object.ts'
import type { BodyStore, Clock, Log } from '../../ports.ts'
import { EntryIndex } from './entry-index.ts'
import { nodeFileSystem } from './file-system.ts'
import { bodyPath } from './layout.ts'
import { Ledger, slotState } from './ledger.ts'
import type { DiskStoreOptions, StorePorts } from './options.ts'

export function diskOptions(path: string, changes: Partial<DiskStoreOptions> = {}): DiskStoreOptions {
  return {
    path,
    maxBytes: 64 << 20,
    maxEntries: 10_000_000,
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
  const words = new Uint32Array(Math.ceil(bytes / 4))
  let state = (seed * 0x9e3779b1) >>> 0
  for (let i = 0; i < words.length; i += 1) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    words[i] = state
  }
  return Buffer.from(words.buffer, 0, bytes)
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

/** Integers from 0 to below the given bound, by a seed. */
export function randomFrom(seed: number): (below: number) => number {
  const generator = xoroshiro128plus(seed)
  return (below) => uniformInt(generator, 0, below - 1)
}

/** What the file system says a directory occupies, its own blocks included. */
export function diskUsage(path: string): number {
  const stat = lstatSync(path, { throwIfNoEntry: false })
  // Files come and go while we look.
  if (stat === undefined) return 0
  const own = stat.blocks * 512
  if (!stat.isDirectory()) return own
  return readdirSync(path).reduce((sum, name) => sum + diskUsage(`${path}/${name}`), own)
}

/**
 * Compares a closed store's books with its files: every difference in one line each. None when the files are those
 * of the stored slots, of the length they are charged for, and nothing else is on the disk or in the books.
 */
export function auditStore(path: string): string[] {
  const ledger = new Ledger()
  const index = new EntryIndex(path, ledger, nodeFileSystem)
  const problems = index.loadLedger() ? [] : ['the ledger is damaged']
  const files = new Map(listFiles(`${path}/bodies`).map((file) => [file.path, file.bytes]))
  for (let slot = 0; slot < ledger.slotCount; slot += 1) {
    problems.push(...auditSlot(path, ledger, index, slot, files))
  }
  for (const file of files.keys()) problems.push(`${file} is in no slot`)
  index.close()
  return problems
}

/** Files of a closed or killed store that its books know nothing of. */
export function strayFiles(path: string): string[] {
  if (!existsSync(`${path}/bodies`)) return []
  const ledger = new Ledger()
  const index = new EntryIndex(path, ledger, nodeFileSystem)
  index.loadLedger()
  index.close()
  const known = new Set<string>()
  for (let slot = 0; slot < ledger.slotCount; slot += 1) {
    if (ledger.stateOf(slot) !== slotState.free) known.add(bodyPath(path, slot, ledger.serialOf(slot)))
  }
  return listFiles(`${path}/bodies`)
    .map((file) => file.path)
    .filter((file) => !known.has(file))
}

function auditSlot(
  root: string,
  ledger: Ledger,
  index: EntryIndex,
  slot: number,
  files: Map<string, number>,
): string[] {
  const state = ledger.stateOf(slot)
  const hasRecord = index.record(slot) !== undefined
  if (ledger.isWhole(slot) !== hasRecord) return [`slot ${slot} in state ${state}: record ${hasRecord}`]
  if (state === slotState.filling || state === slotState.doomed)
    return [`slot ${slot} is left in state ${state}`]
  if (state !== slotState.stored)
    return ledger.fileBytesOf(slot) === 0 ? [] : [`slot ${slot} is charged for a file`]
  const path = bodyPath(root, slot, ledger.serialOf(slot))
  const bytes = files.get(path)
  files.delete(path)
  if (bytes === undefined) return [`${path} is missing`]
  const charged = ledger.fileBytesOf(slot)
  return Math.ceil(bytes / 4096) * 4096 === charged ? [] : [`${path} has ${bytes} bytes, charged ${charged}`]
}

function listFiles(path: string): { path: string; bytes: number }[] {
  return readdirSync(path, { withFileTypes: true }).flatMap((found) => {
    const inner = `${path}/${found.name}`
    return found.isDirectory() ? listFiles(inner) : [{ path: inner, bytes: lstatSync(inner).size }]
  })
}

/** The one body that a version of a key can have; the version travels in the metadata's ETag. */
export function versionedBody(key: string, version: number, bytes: number): Buffer {
  return bodyOf(bytes, version + key.length * 7919)
}

export function versionedMeta(version: number, bytes: number): EntryMeta {
  return metaOf(bytes, { etag: `"${version}"` })
}

/** True when an entry's bytes are those of the version it claims to be. */
export async function isRight(store: BodyStore, entry: StoredEntry): Promise<boolean> {
  const version = Number(entry.meta.etag!.slice(1, -1))
  return (await readAll(store, entry)).equals(versionedBody(entry.key, version, entry.meta.bodyBytes))
}

const someSizes = [0, 10, 1000, 1024, 1025, 4000, 20_000, 65_536, 100_000, 300_000, 700_000]

/** Fills a key with a new version of some size; one in eight is given up half-way. */
export async function storeAnything(
  store: BodyStore,
  key: string,
  version: number,
  random: (below: number) => number,
  { said }: { said(line: string): void },
): Promise<void> {
  const bytes = someSizes[random(someSizes.length)]!
  const body = versionedBody(key, version, bytes)
  const writer = await store.begin(key, random(2) === 0 ? bytes : null)
  if ('refused' in writer) return
  const chunkBytes = 1 + random(80_000)
  for (let at = 0; at < bytes; at += chunkBytes) {
    if (random(8) === 0 && at > bytes / 2) return await writer.abort()
    try {
      await writer.write(body.subarray(at, at + chunkBytes))
    } catch (error) {
      await writer.abort()
      throw error
    }
  }
  // What is there between this line and the next may be the old version or the new one.
  said(`doubt ${key}`)
  await writer.commit(versionedMeta(version, bytes))
  said(`put ${key} ${version}`)
  writer.release()
}
