import { setTimeout as delay } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import t from 'tap'
import { openDiskStore } from '../disk-store.ts'
import { Catalog } from './catalog.ts'
import { hashKey, Ledger } from './ledger.ts'
import { auditStore, bodyOf, diskOptions, fill, metaOf, readAll, testPorts } from './testing.ts'

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

interface Memory {
  readonly tables: number
  readonly heap: number
}

/** Bytes in use once all garbage is gone; buffers are let go in the background, which may take a while. */
async function inUse(): Promise<Memory> {
  let tables = Number.POSITIVE_INFINITY
  for (let looks = 0, unchanged = 0; unchanged < 5 && looks < 100; looks += 1) {
    collectGarbage()
    await delay(10)
    const { arrayBuffers } = process.memoryUsage()
    unchanged = arrayBuffers < tables ? 0 : unchanged + 1
    tables = Math.min(tables, arrayBuffers)
  }
  return { tables, heap: process.memoryUsage().heapUsed }
}

/** What the README and catalog.ts promise of an entry, and of a dropped key that is remembered. */
const mostPerEntry = 140
const mostPerGhost = 90
/** What the heap may differ by between two looks at it. */
const heapNoise = 1 << 20

/** A catalog whose entries are nowhere: only what is kept in memory of each. */
function catalogOf(maxEntries: number) {
  const ledger = new Ledger()
  const index = { putRecord: () => {}, removeRecord: () => {} }
  const remover = { doom: (slot: number) => ledger.free(slot) }
  const parts = {
    ledger,
    index,
    remover,
    eviction: 's3-fifo',
    maxBytes: 1e15,
    maxEntries,
    nowMs: () => 0,
    onDamage: () => {},
  }
  const catalog = new Catalog(parts as never)
  const add = (key: string) => {
    const charge = { fileBytes: 4096, indexBytes: 3000 }
    const slot = ledger.allocate(hashKey(key), charge)
    ledger.set(slot, 2, charge)
    catalog.add(slot, { key, meta: metaOf(1000), inline: null }, Buffer.alloc(0))
    ledger.takeDirty()
  }
  return { catalog, add }
}

t.test('the index: memory bound per entry documented, overflow evicts', async (t) => {
  // Just past a doubling of every table, where most of them is spare; half of it first, for what does not grow.
  const maxEntries = 66_000
  const { catalog, add } = catalogOf(maxEntries)
  const name = (i: number) => `/bucket/releases/${i}/a-name-that-is-as-long-as-names-are-in-practice.js.map`
  let added = 0
  const addUpTo = (count: number) => {
    while (added < count) add(name(added++))
    return inUse()
  }
  const half = await addUpTo(maxEntries / 2)
  const full = await addUpTo(maxEntries)
  const perEntry = (full.tables - half.tables) / (maxEntries / 2)
  t.ok(perEntry > 0 && perEntry <= mostPerEntry, `${perEntry.toFixed()} bytes an entry`)
  const overflowed = await addUpTo(3 * maxEntries)
  t.equal(catalog.entries, maxEntries)
  t.equal(catalog.evictions, 2 * maxEntries)
  const perGhost = (overflowed.tables - full.tables) / maxEntries
  t.ok(perGhost > 0 && perGhost <= mostPerGhost, `${perGhost.toFixed()} bytes for a dropped key`)
  t.ok(overflowed.heap - half.heap < heapNoise, 'no object is kept for each')
})

t.test('a full index refuses no fill: the entry that is worth least goes', async (t) => {
  const path = t.testdir()
  const store = await openDiskStore(diskOptions(path, { maxEntries: 50, eviction: 'lru' }), testPorts())
  for (let i = 0; i < 120; i += 1) {
    await fill(store, `/b/${i}`, bodyOf(i % 2 === 0 ? 500 : 5000))
    store.touch('/b/0')
    t.ok(store.stats().entries <= 50, `${store.stats().entries} entries`)
  }
  t.equal(store.stats().evictions, 70)
  t.ok(store.lookup('/b/0'), 'the one in use stays')
  t.equal(store.lookup('/b/69'), undefined)
  await fill(store, '/b/119', bodyOf(6000))
  t.equal(store.stats().evictions, 70, 'a new body of a key takes no place of another')
  await store.close()
  t.strictSame(auditStore(path), [])
})

t.test('max_entries lowered by a restart is met step by step, without a long stall', async (t) => {
  const path = t.testdir()
  let store = await openDiskStore(diskOptions(path), testPorts())
  for (let i = 0; i < 200; i += 1) await fill(store, `/b/${i}`, bodyOf(100))
  await store.close()
  store = await openDiskStore(diskOptions(path, { maxEntries: 20 }), testPorts())
  t.equal(store.stats().entries, 200)
  await fill(store, '/b/new', bodyOf(100))
  t.equal(store.stats().entries, 200 - 64 + 1, 'so many at once and no more')
  for (let i = 0; i < 4; i += 1) await fill(store, `/b/new/${i}`, bodyOf(100))
  t.equal(store.stats().entries, 20)
  t.ok((await readAll(store, store.lookup('/b/new/3')!)).equals(bodyOf(100)))
  await store.close()
  t.strictSame(auditStore(path), [])
})
