import t from 'tap'
import { createMemoryStore } from './memory-store.ts'
import { bodyOf, fill, metaOf, readAll } from './store/testing.ts'

const options = { maxBytes: 100_000, maxObjectBytes: 20_000, eviction: 's3-fifo' } as const

t.test('a body is answered from one buffer, at once', async (t) => {
  const store = createMemoryStore(options)
  const body = bodyOf(10_000)
  const entry = await fill(store, '/b/key', body, { chunkBytes: 999 })
  t.equal(store.lookup('/b/key'), entry)
  const whole = store.read(entry, 0, 9999)
  t.ok(whole instanceof Uint8Array && body.equals(whole))
  t.ok((await readAll(store, entry, 10, 20)).equals(body.subarray(10, 21)))
  t.equal(store.read(entry, 0, 9999), whole, 'the same buffer for every reader')
})

t.test('bodies, headers and fills under way together never take more than max_size', async (t) => {
  const store = createMemoryStore(options)
  for (let i = 0; i < 100; i += 1) {
    await fill(store, `/b/${i}`, bodyOf(100 * i), { known: i % 2 === 0 })
    if (store.stats().usedBytes > options.maxBytes) t.fail(`${store.stats().usedBytes} bytes used`)
  }
  t.ok(store.stats().evictions > 10)
  t.ok(store.lookup('/b/99'))
  const { usedBytes, entries } = store.stats()
  t.ok(usedBytes > options.maxBytes / 2, `${entries} entries`)
})

t.test('what is too large, and what finds no room beside the fills, is refused by name', async (t) => {
  const store = createMemoryStore(options)
  t.strictSame(await store.begin('/b/large', 20_001), { refused: 'object-too-large' })
  const writers = await Promise.all(Array.from({ length: 5 }, (_, i) => store.begin(`/b/${i}`, 20_000)))
  t.strictSame(await store.begin('/b/more', 20_000), { refused: 'store-full' })
  for (const writer of writers) if (!('refused' in writer)) await writer.abort()
  t.equal(store.stats().usedBytes, 0)
  const unknown = await store.begin('/b/unknown', null)
  if ('refused' in unknown) return t.fail(unknown.refused)
  unknown.write(bodyOf(20_000))
  await t.rejects(Promise.resolve(unknown.write(bodyOf(1))), { code: 'store-full' })
  await unknown.abort()
  t.equal(store.stats().usedBytes, 0)
})

t.test('readers follow a growing body, also after the commit', async (t) => {
  const store = createMemoryStore(options)
  const body = bodyOf(5000)
  const writer = await store.begin('/b/key', null)
  if ('refused' in writer) return t.fail(writer.refused)
  t.equal((await writer.read(0, 100)).length, 0)
  writer.write(body.subarray(0, 3000))
  writer.write(body.subarray(3000))
  t.ok(body.subarray(2900, 3000).equals(await writer.read(2900, 5000)), 'up to the end of a chunk')
  await writer.commit(metaOf(5000))
  store.remove('/b/key')
  t.ok(body.subarray(4000).equals(await writer.read(4000, 5000)))
  writer.release()
})

t.test('a commit of the wrong length leaves nothing', async (t) => {
  const store = createMemoryStore(options)
  const writer = await store.begin('/b/key', null)
  if ('refused' in writer) return t.fail(writer.refused)
  writer.write(bodyOf(10))
  await t.rejects(writer.commit(metaOf(11)), { code: 'truncated' })
  t.equal(store.lookup('/b/key'), undefined)
  t.equal(store.stats().usedBytes, 0)
})

t.test('an entry that was replaced is read no more, and metadata can be replaced alone', async (t) => {
  const store = createMemoryStore(options)
  const old = await fill(store, '/b/key', bodyOf(10))
  const entry = await fill(store, '/b/key', bodyOf(20, 2))
  await t.rejects(Promise.resolve(store.read(old, 0, 9)), { code: 'evicted' })
  t.equal(store.stats().entries, 1)
  t.equal(store.update('/b/key', { ...entry.meta, freshUntilMs: 5 }), true)
  t.equal(store.lookup('/b/key')!.meta.freshUntilMs, 5)
  t.ok((await readAll(store, store.lookup('/b/key')!)).equals(bodyOf(20, 2)))
  t.equal(store.remove('/b/key'), true)
  t.equal(store.remove('/b/key'), false)
  t.equal(store.stats().usedBytes, 0)
  await store.close()
})
