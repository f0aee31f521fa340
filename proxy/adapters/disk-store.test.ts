import { readdirSync, rmSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import t from 'tap'
import { openDiskStore } from './disk-store.ts'
import {
  auditStore,
  bodyOf,
  collect,
  diskOptions,
  diskUsage,
  fill,
  metaOf,
  readAll,
  testPorts,
} from './store/testing.ts'

const sizes = [0, 1, 1024, 1025, 65_535, 65_536, 65_537, 300_000, 3_000_000]

t.test('bodies of every size come back byte for byte, before and after a restart', async (t) => {
  const path = t.testdir()
  let store = await openDiskStore(diskOptions(path), testPorts())
  const kept = new Map<string, Buffer>()
  for (const bytes of sizes) {
    for (const known of [true, false]) {
      const key = `/b/${known ? 'known' : 'unknown'}-${bytes}`
      kept.set(key, bodyOf(bytes, bytes))
      await fill(store, key, kept.get(key)!, { known })
    }
  }
  const wrong = async () => {
    const keys: string[] = []
    for (const [key, body] of kept) {
      const entry = store.lookup(key)
      if (entry === undefined || !(await readAll(store, entry)).equals(body)) keys.push(key)
    }
    return keys
  }
  t.strictSame(await wrong(), [])
  const before = store.stats()
  await store.close()
  store = await openDiskStore(diskOptions(path), testPorts())
  t.strictSame(await wrong(), [])
  t.strictSame(store.stats(), before)
  t.strictSame(store.lookup('/b/known-1')?.meta, metaOf(1))
  await store.close()
  t.strictSame(auditStore(path), [])
})

t.test('a range is read without the rest', async (t) => {
  const store = await openDiskStore(diskOptions(t.testdir()), testPorts())
  const body = bodyOf(1_000_000)
  const entry = await fill(store, '/b/large', body)
  const ranges = [
    [0, 0],
    [65_535, 65_536],
    [999_999, 999_999],
    [100, 70_000],
    [65_536, 131_071],
    [1, 999_998],
  ] as const
  for (const [first, last] of ranges) {
    t.ok(
      (await readAll(store, entry, first, last)).equals(body.subarray(first, last + 1)),
      `${first}-${last}`,
    )
  }
  await store.close()
})

t.test('a reader who leaves early lets go of the file, also before the first piece', async (t) => {
  const path = t.testdir()
  const store = await openDiskStore(diskOptions(path), testPorts())
  const entry = await fill(store, '/b/large', bodyOf(1_000_000))
  const unread = await store.read(entry, 0, 999_999)
  if (unread instanceof Uint8Array) return t.fail('expected pieces')
  await unread[Symbol.asyncIterator]().return!()
  for await (const _ of (await store.read(entry, 0, 999_999)) as AsyncIterable<Uint8Array>) break
  store.remove('/b/large')
  for (let tries = 0; store.stats().usedBytes > 1_000_000 && tries < 400; tries += 1) await delay(5)
  await store.close()
  t.strictSame(auditStore(path), [], 'no descriptor kept the body in the books')
})

t.test(
  'the same object evicted while being read: the descriptor keeps the data, bytes are counted until it is closed',
  async (t) => {
    const path = t.testdir()
    const store = await openDiskStore(diskOptions(path), testPorts())
    const body = bodyOf(2_000_000)
    const entry = await fill(store, '/b/large', body)
    const usedBytes = store.stats().usedBytes
    const reading = await store.read(entry, 0, body.length - 1)
    store.remove('/b/large')
    await delay(50)
    t.strictSame(readdirSync(`${path}/bodies/0`), [], 'the file is unlinked')
    t.ok(store.stats().usedBytes > usedBytes - 100_000, 'its bytes are not free yet')
    t.ok((await collect(reading)).equals(body))
    await delay(20)
    t.ok(store.stats().usedBytes < usedBytes - 2_000_000, 'now they are')
    await t.rejects(Promise.resolve(store.read(entry, 0, 10)), { code: 'evicted' })
    await store.close()
  },
)

t.test(
  'readers follow a growing body, from memory and from the file, also after the commit and an eviction',
  async (t) => {
    const store = await openDiskStore(diskOptions(t.testdir()), testPorts())
    for (const bytes of [500, 8_000_000]) {
      const body = bodyOf(bytes)
      const writer = await store.begin('/b/growing', null)
      if ('refused' in writer) return t.fail(writer.refused)
      const follow = async () => {
        const pieces: Uint8Array[] = []
        for (let offset = 0; offset < bytes; ) {
          const piece = await writer.read(offset, 100_000)
          if (piece.length === 0) await delay(1)
          pieces.push(piece)
          offset += piece.length
        }
        return Buffer.concat(pieces)
      }
      const followers = [follow(), follow()]
      for (let at = 0; at < bytes; at += 60_000) await writer.write(body.subarray(at, at + 60_000))
      await writer.commit(metaOf(bytes))
      store.remove('/b/growing')
      for (const followed of await Promise.all([...followers, follow()])) t.ok(followed.equals(body))
      writer.release()
    }
    await store.close()
  },
)

t.test('a writer that runs ahead of the disk is asked to wait', async (t) => {
  const store = await openDiskStore(diskOptions(t.testdir()), testPorts())
  const writer = await store.begin('/b/fast', 20_000_000)
  if ('refused' in writer) return t.fail(writer.refused)
  const chunk = bodyOf(1_000_000)
  let written = 0
  while (writer.write(chunk) === undefined) written += 1
  t.ok(written >= 3 && written < 20, `asked to wait after ${written} MB`)
  await writer.abort()
  await store.close()
})

t.test('a commit of the wrong length and an abort leave nothing', async (t) => {
  const path = t.testdir()
  const store = await openDiskStore(diskOptions(path), testPorts())
  for (const [bytes, claimed, code] of [
    [500_000, 500_001, 'truncated'],
    [500_000, 499_999, 'overlong'],
    [100, 101, 'truncated'],
  ] as const) {
    const writer = await store.begin('/b/key', null)
    if ('refused' in writer) return t.fail(writer.refused)
    writer.write(bodyOf(bytes))
    await t.rejects(writer.commit(metaOf(claimed)), { code })
    t.equal(store.lookup('/b/key'), undefined)
  }
  const writer = await store.begin('/b/key', 500_000)
  if ('refused' in writer) return t.fail(writer.refused)
  writer.write(bodyOf(400_000))
  await writer.abort()
  await store.close()
  t.strictSame(auditStore(path), [])
  t.strictSame(readdirSync(`${path}/bodies/0`), [])
})

t.test('entries nobody used for `inactive` are dropped, used ones stay', async (t) => {
  const path = t.testdir()
  const store = await openDiskStore(diskOptions(path, { inactiveMs: 1200 }), testPorts())
  for (const key of ['/b/used', '/b/unused']) await fill(store, key, bodyOf(5000))
  for (let i = 0; i < 30; i += 1) {
    store.touch('/b/used')
    await delay(100)
  }
  t.ok(store.lookup('/b/used'))
  t.equal(store.lookup('/b/unused'), undefined)
  await store.close()
  t.strictSame(auditStore(path), [])
})

t.test('new metadata after a revalidation survives a restart, and the body with it', async (t) => {
  const path = t.testdir()
  let store = await openDiskStore(diskOptions(path), testPorts())
  for (const bytes of [500, 50_000]) await fill(store, `/b/${bytes}`, bodyOf(bytes))
  const meta = { ...metaOf(500), freshUntilMs: 99_000 }
  t.equal(store.update('/b/500', meta), true)
  t.equal(store.update('/b/50000', { ...meta, bodyBytes: 50_000 }), true)
  t.equal(store.update('/b/missing', meta), false)
  await store.close()
  store = await openDiskStore(diskOptions(path), testPorts())
  for (const bytes of [500, 50_000]) {
    const entry = store.lookup(`/b/${bytes}`)!
    t.equal(entry.meta.freshUntilMs, 99_000)
    t.ok((await readAll(store, entry)).equals(bodyOf(bytes)))
  }
  await store.close()
})

t.test('max_size is lowered: incremental deletes, and the cap is met before the next fill', async (t) => {
  const path = t.testdir()
  let store = await openDiskStore(diskOptions(path), testPorts())
  for (let i = 0; i < 200; i += 1) await fill(store, `/b/${i}`, bodyOf(30_000))
  await store.close()
  store = await openDiskStore(diskOptions(path, { maxBytes: 2 << 20 }), testPorts())
  t.equal(store.stats().entries, 200)
  await fill(store, '/b/new', bodyOf(30_000))
  t.ok(diskUsage(path) <= 2 << 20)
  await store.close()
  t.strictSame(auditStore(path), [])
})

for (const what of ['the directory', 'its bodies', 'its index'] as const) {
  t.test(
    `the cache directory is deleted at run time (${what}): the store goes on and comes back by itself`,
    async (t) => {
      const path = `${t.testdir()}/store`
      const store = await openDiskStore(diskOptions(path), testPorts())
      await fill(store, '/b/before', bodyOf(50_000))
      await delay(50)
      if (what === 'the directory') rmSync(path, { recursive: true })
      if (what === 'its bodies') rmSync(`${path}/bodies`, { recursive: true })
      if (what === 'its index') for (const end of ['', '-wal']) rmSync(`${path}/index.sqlite${end}`)
      const deadline = performance.now() + 8000
      let stored = false
      while (!stored && performance.now() < deadline) {
        await delay(100)
        const entry = await fill(store, '/b/after', bodyOf(50_000)).catch(() => null)
        stored = entry !== null && diskUsage(path) > 100_000
      }
      t.ok(stored, 'a fill works again, in the directory of that name')
      await delay(1500)
      await fill(store, '/b/later', bodyOf(50_000))
      t.ok((await readAll(store, store.lookup('/b/later')!)).equals(bodyOf(50_000)))
      await store.close()
      const reopened = await openDiskStore(diskOptions(path), testPorts())
      t.ok(reopened.lookup('/b/later'), 'what was stored since survives a restart')
      await reopened.close()
    },
  )
}

t.test(
  'a directory that cannot be used, or that another store has open, is refused at the start',
  async (t) => {
    const path = t.testdir({ file: 'not a directory' })
    await t.rejects(openDiskStore(diskOptions(`${path}/file/store`), testPorts()), { code: 'store-io' })
    const first = await openDiskStore(diskOptions(`${path}/store`), testPorts())
    await t.rejects(openDiskStore(diskOptions(`${path}/store`), testPorts()), {
      message: /another process uses it/,
    })
    await first.close()
  },
)
