// What the test specimen holds: in memory, and in a folder as well when it is to outlive its process.
import { hash } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'

export interface Entry {
  readonly headers: readonly string[]
  readonly body: Buffer
  /** Wall time; Infinity for ever. */
  freshUntilMs: number
}

export interface NaiveStore {
  get(key: string): Entry | undefined
  set(key: string, entry: Entry): void
  delete(key: string): void
  clear(): void
}

/** In memory alone. */
export function memoryStore(): NaiveStore {
  return new Map<string, Entry>()
}

/** Reads the whole folder at its start; every change is on the disk before it is seen. */
export function folderStore(dir: string): NaiveStore {
  mkdirSync(dir, { recursive: true })
  const entries = new Map(readdirSync(dir).map((name) => readEntry(path.join(dir, name))))
  const fileOf = (key: string) => path.join(dir, hash('sha256', key))
  return {
    get: (key) => entries.get(key),
    set(key, entry) {
      writeEntry(fileOf(key), key, entry)
      entries.set(key, entry)
    },
    delete(key) {
      rmSync(fileOf(key), { force: true })
      entries.delete(key)
    },
    clear() {
      for (const key of [...entries.keys()]) this.delete(key)
    },
  }
}

/** One line of JSON, then the body. A file that a kill left half written never has its right name. */
function writeEntry(file: string, key: string, { headers, body, freshUntilMs }: Entry): void {
  const about = JSON.stringify({ key, headers, freshUntilMs: Math.min(freshUntilMs, Number.MAX_VALUE) })
  const half = path.join(path.dirname(path.dirname(file)), 'half-written')
  writeFileSync(half, Buffer.concat([Buffer.from(`${about}\n`), body]))
  renameSync(half, file)
}

function readEntry(file: string): [string, Entry] {
  const bytes = readFileSync(file)
  const end = bytes.indexOf('\n')
  const { key, ...about } = JSON.parse(bytes.toString('utf8', 0, end))
  return [key, { ...about, body: bytes.subarray(end + 1) }]
}
