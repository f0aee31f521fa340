// Looks at what the parts of a system hold at a moment: memory, connections, and the size of a cache's store.
import { lstat, readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import type { HoldingLine } from '../history/events.ts'
import type { SystemPart } from '../systems/part.ts'

type Holding = Omit<HoldingLine, 'type' | 'atMs'>

/** Of the parts that run. A store is walked only when `withStores`: its files may be many. */
export async function holdingsOf(parts: readonly SystemPart[], withStores: boolean): Promise<Holding[]> {
  const open = await openConnections()
  const running = parts.filter((part) => part.running)
  return Promise.all(
    running.map(async (part) => {
      const port = Number(part.fill('{port}'))
      return {
        part: part.name,
        rssBytes: part.usage().rssBytes,
        ...(open && port > 0 && { connections: open.get(port) ?? 0 }),
        ...(withStores && (await storeSizes(part))),
      }
    }),
  )
}

async function storeSizes(part: SystemPart): Promise<Partial<Holding>> {
  const { store } = part.description
  if (store === undefined) return {}
  const metric = store.metric && (await readMetric(part.fill(store.metric.url), store.metric.name))
  return {
    storeDiskBytes: await diskBytes(part.fill(store.folder)),
    ...(metric !== undefined && { storeStatedBytes: metric }),
  }
}

/** What `du` counts, except for the folders themselves: blocks of 512 bytes. What vanishes meanwhile counts nothing. */
export async function diskBytes(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => [])
  const files = entries.filter((entry) => entry.isFile())
  const sizes = await Promise.all(
    files.map(async ({ parentPath, name }) => {
      const found = await lstat(path.join(parentPath, name)).catch(() => null)
      return found === null ? 0 : found.blocks * 512
    }),
  )
  return sizes.reduce((sum, bytes) => sum + bytes, 0)
}

/** The sum of a metric's series on a Prometheus page; undefined when the page doesn't answer or has none. */
export async function readMetric(url: string, name: string): Promise<number | undefined> {
  const page = await fetch(url, { signal: AbortSignal.timeout(400) })
    .then((answer) => answer.text())
    .catch(() => '')
  const values = page.split('\n').flatMap((line) => {
    const found = /^([a-zA-Z_:][\w:]*)(?:\{.*\})? (\S+)/.exec(line)
    return found?.[1] === name ? [Number(found[2])] : []
  })
  return values.length === 0 ? undefined : values.reduce((sum, value) => sum + value, 0)
}

/** proc(5), /proc/net/tcp: established, and closed by the other side alone. */
const openStates = new Set(['01', '08'])

/** How many connections each local port has that are not closed from this side; null where /proc doesn't tell. */
async function openConnections(): Promise<ReadonlyMap<number, number> | null> {
  const tables = await Promise.all(
    ['/proc/net/tcp', '/proc/net/tcp6'].map((file) => readFile(file, 'utf8').catch(() => '')),
  )
  if (tables.every((table) => table === '')) return null
  const counts = new Map<number, number>()
  for (const row of tables.join('\n').split('\n')) {
    const [, local, , state] = row.trim().split(/\s+/)
    if (local === undefined || !openStates.has(state!)) continue
    const port = Number.parseInt(local.slice(local.indexOf(':') + 1), 16)
    counts.set(port, (counts.get(port) ?? 0) + 1)
  }
  return counts
}
