import t, { type Test } from 'tap'
import { openDiskStore } from './disk-store.ts'
import { createMemoryStore } from './memory-store.ts'
import { bodyOf, diskOptions, fill, metaOf, readAll, testPorts } from './store/testing.ts'
import { createTieredStore } from './tiered-store.ts'

async function openTiered(t: Test) {
  const disk = await openDiskStore(diskOptions(t.testdir()), testPorts())
  const memory = createMemoryStore({ maxBytes: 200_000, maxObjectBytes: 50_000, eviction: 's3-fifo' })
  return { disk, memory, store: createTieredStore(memory, disk) }
}

t.test('a small body read whole from disk is answered from memory the next time', async (t) => {
  const { memory, store } = await openTiered(t)
  const body = bodyOf(10_000)
  await fill(store, '/b/small', body)
  t.ok((await readAll(store, store.lookup('/b/small')!)).equals(body))
  const again = store.read(store.lookup('/b/small')!, 0, 9999)
  t.ok(again instanceof Uint8Array && body.equals(again), 'at once')
  t.ok(memory.lookup('/b/small'))
  t.ok(store.stats().memoryBytes > 10_000)
  await store.close()
})

t.test(
  'a body of many blocks gets into memory as well, and readers at the same time share one read',
  async (t) => {
    const disk = await openDiskStore(diskOptions(t.testdir()), testPorts())
    const memory = createMemoryStore({ maxBytes: 2_000_000, maxObjectBytes: 1_000_000, eviction: 's3-fifo' })
    const store = createTieredStore(memory, disk)
    const body = bodyOf(700_001)
    const entry = await fill(store, '/b/many-blocks', body)
    const both = await Promise.all([store.read(entry, 0, 700_000), store.read(entry, 0, 700_000)])
    t.ok(both[0] instanceof Uint8Array && body.equals(both[0]))
    t.equal(both[0], both[1])
    t.equal(store.read(store.lookup('/b/many-blocks')!, 0, 700_000), both[0], 'at once')
    await store.close()
  },
)

t.test('ranges and large bodies stay on disk', async (t) => {
  const { memory, store } = await openTiered(t)
  await fill(store, '/b/small', bodyOf(10_000))
  await fill(store, '/b/large', bodyOf(60_000))
  t.ok((await readAll(store, store.lookup('/b/small')!, 5, 9)).equals(bodyOf(10_000).subarray(5, 10)))
  t.ok((await readAll(store, store.lookup('/b/large')!)).equals(bodyOf(60_000)))
  t.equal(memory.stats().entries, 0)
  await store.close()
})

t.test('a new body, new metadata and a removal reach both tiers', async (t) => {
  const { disk, store } = await openTiered(t)
  await fill(store, '/b/key', bodyOf(1000))
  await readAll(store, store.lookup('/b/key')!)
  store.update('/b/key', { ...metaOf(1000), freshUntilMs: 7 })
  t.equal(store.lookup('/b/key')!.meta.freshUntilMs, 7)
  t.equal(disk.lookup('/b/key')!.meta.freshUntilMs, 7)
  await fill(store, '/b/key', bodyOf(2000, 2))
  t.ok((await readAll(store, store.lookup('/b/key')!)).equals(bodyOf(2000, 2)))
  await readAll(store, store.lookup('/b/key')!)
  t.equal(store.remove('/b/key'), true)
  t.equal(store.lookup('/b/key'), undefined)
  t.equal(store.remove('/b/key'), false)
  await store.close()
})

t.test('an entry that memory drops between the lookup and the read is read from disk', async (t) => {
  const { memory, store } = await openTiered(t)
  await fill(store, '/b/key', bodyOf(2000))
  await readAll(store, store.lookup('/b/key')!)
  store.update('/b/key', metaOf(2000))
  const entry = store.lookup('/b/key')!
  memory.remove('/b/key')
  t.ok((await readAll(store, entry)).equals(bodyOf(2000)))
  await store.close()
})

t.test('a body replaced while it was being read does not get into memory', async (t) => {
  const { memory, store } = await openTiered(t)
  const old = await fill(store, '/b/key', bodyOf(10_000))
  const reading = store.read(old, 0, 9999)
  await fill(store, '/b/key', bodyOf(10_000, 2))
  await reading
  t.equal(memory.lookup('/b/key'), undefined)
  t.ok((await readAll(store, store.lookup('/b/key')!)).equals(bodyOf(10_000, 2)))
  await store.close()
})

t.test('what memory holds is served though the disk has dropped it', async (t) => {
  const { disk, store } = await openTiered(t)
  await fill(store, '/b/key', bodyOf(1000))
  await readAll(store, store.lookup('/b/key')!)
  disk.remove('/b/key')
  store.touch('/b/key')
  t.ok((await readAll(store, store.lookup('/b/key')!)).equals(bodyOf(1000)))
  await store.close()
})
