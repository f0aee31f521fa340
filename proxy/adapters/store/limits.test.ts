import t from 'tap'
import { evictionNames } from '../../policy/eviction.ts'
import { openDiskStore } from '../disk-store.ts'
import { nodeFileSystem } from './file-system.ts'
import {
  auditStore,
  bodyOf,
  diskOptions,
  diskUsage,
  fill,
  isRight,
  randomFrom,
  storeAnything,
  testPorts,
} from './testing.ts'

const seed = Number(process.env.SEED ?? Date.now() % 100_000)
t.comment(`seed ${seed}: run again with SEED=${seed}`)

for (const eviction of evictionNames) {
  t.test(
    `with ${eviction} the directory never holds more than max_size, fills under way included`,
    async (t) => {
      const path = t.testdir()
      const maxBytes = 3 << 20
      const store = await openDiskStore(diskOptions(path, { maxBytes, eviction }), testPorts())
      const random = randomFrom(seed)
      let most = 0
      const timer = setInterval(() => (most = Math.max(most, diskUsage(path))), 2)
      for (let round = 0; round < 60; round += 1) {
        const work = Array.from({ length: 8 }, (_, lane) =>
          storeAnything(store, `/b/${random(500)}`, round * 8 + lane, random, {
            said: () => undefined,
          }).catch((error: { code?: string }) => error.code === 'store-full' || t.fail(String(error))),
        )
        await Promise.all(work)
        most = Math.max(most, diskUsage(path))
        if (store.stats().usedBytes > maxBytes) t.fail(`${store.stats().usedBytes} bytes in the books`)
      }
      clearInterval(timer)
      t.ok(most <= maxBytes && most > maxBytes / 2, `at most ${most} bytes were on the disk`)
      t.ok(store.stats().evictions > 50, `${store.stats().evictions} evictions`)
      for (let key = 0; key < 500; key += 1) {
        const entry = store.lookup(`/b/${key}`)
        if (entry !== undefined && !(await isRight(store, entry))) t.fail(`/b/${key} has wrong bytes`)
      }
      await store.close()
      t.strictSame(auditStore(path), [])
    },
  )
}

t.test('a thousand bodies small enough for the index stay under max_size too', async (t) => {
  const path = t.testdir()
  const maxBytes = 1 << 20
  const store = await openDiskStore(diskOptions(path, { maxBytes }), testPorts())
  for (let round = 0; round < 50; round += 1) {
    await Promise.all(Array.from({ length: 40 }, (_, i) => fill(store, `/b/${round}/${i}`, bodyOf(900))))
    if (diskUsage(path) > maxBytes) t.fail(`${diskUsage(path)} bytes on the disk`)
  }
  t.ok(store.stats().evictions > 500)
  t.ok(store.lookup('/b/49/39'))
  await store.close()
})

t.test('what can never fit and what nobody may store is refused by name', async (t) => {
  const path = t.testdir()
  const options = diskOptions(path, { maxBytes: 2 << 20, maxObjectBytes: 1_000_000, minUses: 3 })
  const store = await openDiskStore(options, testPorts())
  t.strictSame(await store.begin('/b/large', 1_000_001), { refused: 'object-too-large' })
  t.strictSame(await store.begin('/b/key', 10), { refused: 'min-uses' })
  t.strictSame(await store.begin('/b/key', 10), { refused: 'min-uses' })
  const third = await store.begin('/b/key', 10)
  t.notOk('refused' in third, 'the third request is stored')
  const unknown = store.begin('/b/unknown', null)
  t.strictSame(await unknown, { refused: 'min-uses' })
  await store.close()
})

t.test('when fills under way hold all the room, the next one is refused until they end', async (t) => {
  const store = await openDiskStore(diskOptions(t.testdir(), { maxBytes: 2 << 20 }), testPorts())
  const first = await store.begin('/b/1', 1_000_000)
  t.strictSame(await store.begin('/b/2', 1_000_000), { refused: 'store-full' })
  if (!('refused' in first)) await first.abort()
  const again = await store.begin('/b/2', 1_000_000)
  t.notOk('refused' in again)
  await store.close()
})

t.test('a body of unknown length that outgrows the largest object is refused midway', async (t) => {
  const path = t.testdir()
  const store = await openDiskStore(diskOptions(path, { maxObjectBytes: 300_000 }), testPorts())
  const writer = await store.begin('/b/key', null)
  if ('refused' in writer) return t.fail(writer.refused)
  const writeAll = async () => {
    for (let at = 0; at < 20_000_000; at += 1_000_000) await writer.write(bodyOf(1_000_000))
  }
  await t.rejects(writeAll(), { code: 'store-full' })
  await writer.abort()
  await store.close()
  t.strictSame(auditStore(path), [])
})

t.test(
  'an eviction storm when a large object arrives: incremental deletes, others get their turns',
  async (t) => {
    const path = t.testdir()
    let unlinking = 0
    let mostAtOnce = 0
    let unlinked = 0
    const files = {
      ...nodeFileSystem,
      async unlink(file: string) {
        mostAtOnce = Math.max(mostAtOnce, ++unlinking)
        await nodeFileSystem.unlink(file)
        unlinking -= 1
        unlinked += 1
      },
    }
    const store = await openDiskStore(diskOptions(path, { maxBytes: 8 << 20 }), testPorts(), files)
    for (let key = 0; key < 1500; key += 1) await fill(store, `/b/${key}`, bodyOf(2000))
    for (let use = 0; use < 3; use += 1) store.touch('/b/1499')
    let begun = false
    let evicted = store.stats().evictions
    let mostBetweenTurns = 0
    const otherWork = (): void => {
      mostBetweenTurns = Math.max(mostBetweenTurns, store.stats().evictions - evicted)
      evicted = store.stats().evictions
      if (store.lookup('/b/1499') === undefined) t.fail('the entry in use went first')
      if (!begun) setImmediate(otherWork)
    }
    setImmediate(otherWork)
    const large = await store.begin('/b/large', 6 << 20)
    begun = true
    if ('refused' in large) return t.fail(large.refused)
    t.ok(unlinked > 500, `${unlinked} files went`)
    t.ok(mostAtOnce <= 16, `${mostAtOnce} at once`)
    t.ok(mostBetweenTurns > 0 && mostBetweenTurns <= 64, `${mostBetweenTurns} evictions at once`)
    await large.abort()
    await store.close()
    t.strictSame(auditStore(path), [])
  },
)
