// How long the disk store takes from start to ready with a million entries, and how long anything stalls while it
// drops thousands at once. Each start is a process of its own, so that nothing is warm but the page cache.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { openDiskStore } from '../../proxy/adapters/disk-store.ts'
import { bodyOf, diskOptions, metaOf, testPorts } from '../../proxy/adapters/store/testing.ts'
import type { BodyStore } from '../../proxy/ports.ts'
import type { BenchResult, BenchRow } from './result.ts'

const entries = 1_000_000
const rounds = 5
const readyGoalMs = 2000
const stallGoalMs = 20
const stormEntries = 20_000
/** Lets the sweep after the start end before the storm. */
const settleMs = 1000
const roomy = { maxBytes: 64 * 2 ** 30, maxObjectBytes: 2 ** 30 }

/** Fills a store with a million entries and starts it `rounds` times; then an eviction storm. About a minute. */
export async function run(): Promise<BenchResult> {
  const directory = mkdtempSync(`${tmpdir()}/breakwater-bench-`)
  try {
    await fillStore(`${directory}/restart`, entries, bodyOf(200))
    const readyMs = Array.from({ length: rounds }, () => startOnce(`${directory}/restart`))
    await fillStore(`${directory}/storm`, stormEntries, bodyOf(4000))
    const rows = [readyRow(median(readyMs)), stallRow(...(await longestStallsMs(`${directory}/storm`)))]
    return { bench: 'store-restart', machine: `${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}`, rows }
  } finally {
    rmSync(directory, { recursive: true })
  }
}

function readyRow(ours: number): BenchRow {
  const name = `from opening to ready, ${entries.toLocaleString('en')} entries`
  return {
    case: name,
    unit: 'ms',
    ours,
    other: null,
    ratio: null,
    goal: `< ${readyGoalMs}`,
    met: ours < readyGoalMs,
  }
}

/** `other` is the longest stall of the same process doing nothing, for as long: what the machine is to blame for. */
function stallRow(ours: number, idle: number): BenchRow {
  const name = `longest stall of the event loop while most of ${stormEntries.toLocaleString('en')} entries are evicted`
  const goal = `≤ ${stallGoalMs}`
  return { case: name, unit: 'ms', ours, other: idle, ratio: ours / idle, goal, met: ours <= stallGoalMs }
}

async function fillStore(directory: string, count: number, body: Buffer): Promise<void> {
  const store = await openDiskStore(diskOptions(directory, roomy), testPorts())
  await putMany(store, count, body)
  await store.close()
}

async function putMany(store: BodyStore, count: number, body: Buffer): Promise<void> {
  for (let start = 0; start < count; start += 1000) {
    const keys = Array.from(
      { length: Math.min(1000, count - start) },
      (_, i) => `/bucket/${start + i}.js.map`,
    )
    await Promise.all(keys.map((key) => put(store, key, body)))
  }
}

async function put(store: BodyStore, key: string, body: Buffer): Promise<void> {
  const writer = await store.begin(key, body.length)
  if ('refused' in writer) throw new Error(`the store refused a fill: ${writer.refused}`)
  await writer.write(body)
  await writer.commit(metaOf(body.length))
  writer.release()
}

/** Milliseconds from opening the store to the first entry looked up, in a new process. */
function startOnce(directory: string): number {
  const child = spawnSync(process.execPath, [fileURLToPath(import.meta.url), 'start', directory], {
    encoding: 'utf8',
  })
  if (child.status !== 0) throw new Error(`the store did not start: ${child.stderr}`)
  return Number(child.stdout)
}

async function start(directory: string): Promise<void> {
  const startedMs = performance.now()
  const store = await openDiskStore(diskOptions(directory, roomy), testPorts())
  if (store.lookup('/bucket/77.js.map') === undefined) throw new Error('an entry is missing')
  const readyMs = performance.now() - startedMs
  if (store.stats().entries !== entries)
    throw new Error(`${store.stats().entries} entries and not ${entries}`)
  await store.close()
  process.stdout.write(`${readyMs}`)
}

/** The cap is lowered to a tenth and a large body arrives: nearly all must go before its fill may start. */
async function longestStallsMs(directory: string): Promise<[storm: number, idle: number]> {
  const maxBytes = stormEntries * 512
  const store = await openDiskStore(diskOptions(directory, { ...roomy, maxBytes }), testPorts())
  await delay(settleMs)
  const startedMs = performance.now()
  const storm = await longestStallMs(async () => {
    const writer = await store.begin('/bucket/large', maxBytes / 2)
    if ('refused' in writer) throw new Error(`the store refused a fill: ${writer.refused}`)
    await writer.abort()
  })
  const tookMs = performance.now() - startedMs
  if (store.stats().evictions < stormEntries / 2) throw new Error(`only ${store.stats().evictions} evictions`)
  await store.close()
  return [storm, await longestStallMs(() => delay(tookMs))]
}

async function longestStallMs(work: () => Promise<unknown>): Promise<number> {
  const histogram = monitorEventLoopDelay({ resolution: 1 })
  histogram.enable()
  await work()
  histogram.disable()
  return histogram.max / 1e6
}

function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!
}

if (process.argv[2] === 'start') await start(process.argv[3]!)
