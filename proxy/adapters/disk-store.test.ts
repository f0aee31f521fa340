import t from 'tap'
import { openDiskStore } from './disk-store.ts'
import { bodyOf, diskOptions, fill, readAll, testPorts } from './store/testing.ts'

const sizes = [0, 1, 1024, 1025, 65_535, 65_536, 65_537, 300_000, 3_000_000]

t.test('bodies of every size come back byte for byte, before and after a restart', async (t) => {
  const path = t.testdir()
  let store = await openDiskStore(diskOptions(path), testPorts())
  for (const bytes of sizes) {
    await fill(store, `/b/known-${bytes}`, bodyOf(bytes, bytes))
    await fill(store, `/b/unknown-${bytes}`, bodyOf(bytes, bytes), { known: false })
  }
  const check = async () => {
    for (const bytes of sizes) {
      for (const kind of ['known', 'unknown']) {
        const entry = store.lookup(`/b/${kind}-${bytes}`)
        t.ok(entry, `${kind} ${bytes} is found`)
        t.ok((await readAll(store, entry!)).equals(bodyOf(bytes, bytes)), `${kind} ${bytes} has its bytes`)
      }
    }
  }
  await check()
  const before = store.stats()
  await store.close()
  store = await openDiskStore(diskOptions(path), testPorts())
  t.equal(store.stats().entries, before.entries)
  t.equal(store.stats().usedBytes, before.usedBytes)
  await check()
  await store.close()
})

t.test('a range is read without the rest', async (t) => {
  const store = await openDiskStore(diskOptions(t.testdir()), testPorts())
  const body = bodyOf(1_000_000)
  const entry = await fill(store, '/b/large', body)
  for (const [first, last] of [
    [0, 0],
    [65_535, 65_536],
    [999_999, 999_999],
    [100, 70_000],
    [65_536, 131_071],
    [1, 999_998],
  ] as const) {
    t.ok(
      (await readAll(store, entry, first, last)).equals(body.subarray(first, last + 1)),
      `${first}-${last}`,
    )
  }
  await store.close()
})
