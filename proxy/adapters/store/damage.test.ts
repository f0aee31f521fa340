import {
  closeSync,
  lstatSync,
  openSync,
  readdirSync,
  readSync,
  truncateSync,
  unlinkSync,
  writeSync,
} from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import t, { type Test } from 'tap'
import type { ProxyError } from '../../errors.ts'
import type { StoredEntry } from '../../object.ts'
import { type DiskStore, openDiskStore } from '../disk-store.ts'
import { nodeFileSystem } from './file-system.ts'
import {
  auditStore,
  bodyOf,
  diskOptions,
  fill,
  isRight,
  randomFrom,
  testPorts,
  versionedBody,
  versionedMeta,
} from './testing.ts'

const seed = Number(process.env.SEED ?? Date.now() % 100_000)
t.comment(`seed ${seed}: run again with SEED=${seed}`)

const sizes = [10, 1000, 5000, 70_000, 200_000]
const keys = Array.from({ length: 40 }, (_, number) => `/b/${number}`)

/** A closed store with 40 entries. */
async function makeStore(t: Test): Promise<string> {
  const path = t.testdir()
  const store = await openDiskStore(diskOptions(path), testPorts())
  for (const [number, key] of keys.entries()) {
    const bytes = sizes[number % sizes.length]!
    const writer = await store.begin(key, bytes)
    if ('refused' in writer) throw new Error(writer.refused)
    writer.write(versionedBody(key, number, bytes))
    await writer.commit(versionedMeta(number, bytes))
    writer.release()
  }
  await store.close()
  return path
}

/** Reads every entry that is found: how many came whole, how many were refused as damaged. Wrong bytes fail. */
async function readAllKeys(t: Test, store: DiskStore) {
  const found = { whole: 0, refused: 0 }
  for (const key of keys) {
    const entry = store.lookup(key)
    if (entry === undefined) continue
    const isWhole = await isRight(store, entry).catch((error: ProxyError) => error.code)
    if (isWhole === 'corrupt') found.refused += 1
    else if (isWhole === true) found.whole += 1
    else t.fail(`${key}: ${isWhole}`)
  }
  return { ...found, corrupt: store.stats().corrupt }
}

async function readEverything(t: Test, path: string) {
  const store = await openDiskStore(diskOptions(path), testPorts())
  const found = await readAllKeys(t, store)
  await store.close()
  return found
}

function bodyFiles(path: string): string[] {
  return readdirSync(`${path}/bodies/0`).map((name) => `${path}/bodies/0/${name}`)
}

function flipBit(path: string, random: (below: number) => number): void {
  const fd = openSync(path, 'r+')
  const at = random(lstatSync(path).size)
  const byte = Buffer.alloc(1)
  readSync(fd, byte, 0, 1, at)
  byte[0]! ^= 1 << random(8)
  writeSync(fd, byte, 0, 1, at)
  closeSync(fd)
}

t.test('every flipped bit and every cut in a body file is found before a wrong byte is served', async (t) => {
  const random = randomFrom(seed)
  for (let round = 0; round < 20; round += 1) {
    const path = await makeStore(t)
    const files = bodyFiles(path)
    const damaged = new Set([0, 1, 2, 3, 4].map(() => files[random(files.length)]!))
    for (const file of damaged) {
      if (random(2) === 0) flipBit(file, random)
      else truncateSync(file, random(lstatSync(file).size))
    }
    const found = await readEverything(t, path)
    t.strictSame(found, { whole: keys.length - damaged.size, refused: damaged.size, corrupt: damaged.size })
    t.strictSame(auditStore(path), [], 'the books are exact again')
  }
})

t.test('a file that vanished is a damaged entry, and no other is touched', async (t) => {
  const path = await makeStore(t)
  const store = await openDiskStore(diskOptions(path), testPorts())
  await delay(50)
  unlinkSync(bodyFiles(path)[0]!)
  t.strictSame(await readAllKeys(t, store), { whole: keys.length - 1, refused: 1, corrupt: 1 })
  await store.close()
  t.strictSame(auditStore(path), [])
})

t.test('files that vanished while the store was closed leave the books by themselves', async (t) => {
  const path = await makeStore(t)
  for (const file of bodyFiles(path).slice(0, 3)) unlinkSync(file)
  const store = await openDiskStore(diskOptions(path), testPorts())
  for (let tries = 0; store.stats().entries > keys.length - 3 && tries < 200; tries += 1) await delay(5)
  t.equal(store.stats().entries, keys.length - 3)
  await store.close()
  t.strictSame(auditStore(path), [])
})

t.test('whatever bits flip in the index, the store opens and serves only what is right', async (t) => {
  const random = randomFrom(seed)
  let whole = 0
  for (let round = 0; round < 40; round += 1) {
    const path = await makeStore(t)
    for (let flips = 1 + random(20); flips > 0; flips -= 1) flipBit(`${path}/index.sqlite`, random)
    whole += (await readEverything(t, path)).whole
  }
  t.ok(whole > 0, `${whole} of ${40 * keys.length} entries survived`)
})

t.test('an index whose head names a format that SQLite only reads is started anew', async (t) => {
  const path = await makeStore(t)
  const fd = openSync(`${path}/index.sqlite`, 'r+')
  writeSync(fd, Buffer.from([34]), 0, 1, 18) // the file format's write version, 2, with a bit flipped
  closeSync(fd)
  t.strictSame(await readEverything(t, path), { whole: 0, refused: 0, corrupt: 0 })
})

t.test('an index cut short or overwritten is started anew, and the bodies it knew are swept', async (t) => {
  const random = randomFrom(seed)
  for (const cut of ['half', 'to 50 bytes', 'to nothing', 'garbage'] as const) {
    const path = await makeStore(t)
    const index = `${path}/index.sqlite`
    if (cut === 'half') truncateSync(index, lstatSync(index).size / 2)
    if (cut === 'to 50 bytes') truncateSync(index, 50)
    if (cut === 'to nothing') truncateSync(index, 0)
    if (cut === 'garbage') for (let i = 0; i < 20_000; i += 1) flipBit(index, random)
    await readEverything(t, path)
    const store = await openDiskStore(diskOptions(path), testPorts())
    while (!store.stats().available) await delay(5)
    const entry: StoredEntry = await fill(store, '/b/after', bodyOf(5000))
    t.equal(store.lookup('/b/after'), entry, cut)
    await store.close()
    t.strictSame(auditStore(path), [], cut)
  }
})

t.test('a store that closes while a dropped file is still being closed leaves exact books', async (t) => {
  const path = t.testdir()
  const files = {
    ...nodeFileSystem,
    async close(fd: number) {
      await delay(50)
      await nodeFileSystem.close(fd)
    },
  }
  const store = await openDiskStore(diskOptions(path), testPorts(), files)
  await fill(store, '/b/key', bodyOf(50_000))
  store.remove('/b/key')
  await store.close()
  t.strictSame(auditStore(path), [])
})
