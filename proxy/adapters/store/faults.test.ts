import { readFileSync, writeFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { ProxyError } from '../../errors.ts'
import { type DiskStore, openDiskStore } from '../disk-store.ts'
import { type DiskFaultName, withFaults } from './disk-faults.ts'
import { nodeFileSystem } from './file-system.ts'
import {
  auditStore,
  bodyOf,
  diskOptions,
  diskUsage,
  fill,
  isRight,
  metaOf,
  randomFrom,
  readAll,
  storeAnything,
  testPorts,
} from './testing.ts'

const seed = Number(process.env.SEED ?? Date.now() % 100_000)
t.comment(`seed ${seed}: run again with SEED=${seed}`)

/** A store on a disk that fails as `disk.fault` says. */
async function openFaulty(t: Test, changes = {}) {
  const disk = { fault: 'none' as DiskFaultName }
  const path = t.testdir()
  const ports = testPorts()
  const files = withFaults(nodeFileSystem, () => disk)
  const store = await openDiskStore(diskOptions(path, { retryMs: 20, ...changes }), ports, files)
  return { disk, path, ports, store }
}

async function untilAvailable(store: DiskStore): Promise<void> {
  for (let tries = 0; !store.stats().available; tries += 1) {
    if (tries === 200) throw new Error('the store did not come back within 2 s')
    await delay(10)
  }
}

const writeFaults = {
  full: 'ENOSPC',
  'read-only': 'EROFS',
  'io-error': 'EIO',
  'no-descriptors': 'EMFILE',
} as const
for (const [fault, code] of Object.entries(writeFaults) as [keyof typeof writeFaults, string][]) {
  t.test(
    `${code} on write: the entry is dropped, the cache breaker opens, half-opens after its time, and closes again`,
    async (t) => {
      const { disk, path, ports, store } = await openFaulty(t)
      const body = bodyOf(300_000)
      const before = await fill(store, '/b/before', body)
      disk.fault = fault
      await t.rejects(fill(store, '/b/failing', body), { name: 'ProxyError', source: 'store' })
      t.equal(store.stats().available, false)
      t.strictSame(await store.begin('/b/next', 10), { refused: 'store-unavailable' })
      t.equal(store.lookup('/b/failing'), undefined)
      if (fault !== 'io-error')
        t.ok((await readAll(store, before)).equals(body), 'an open file is still served')
      else await t.rejects(readAll(store, before), { code: 'store-io' })
      t.equal(store.lookup('/b/before'), before, 'a disk that fails as a whole loses no entry')
      await delay(100)
      t.equal(ports.lines.length, 1, `one line in the log: ${ports.lines}`)
      disk.fault = 'none'
      await untilAvailable(store)
      t.ok((await readAll(store, await fill(store, '/b/after', body))).equals(body))
      await store.close()
      t.strictSame(auditStore(path), [])
    },
  )
}

t.test('a commit that the index refuses rejects and leaves nothing', async (t) => {
  const { disk, path, store } = await openFaulty(t)
  for (const bytes of [100, 300_000]) {
    const writer = await store.begin('/b/key', bytes)
    if ('refused' in writer) return t.fail(writer.refused)
    writer.write(bodyOf(bytes))
    disk.fault = 'full'
    await t.rejects(writer.commit(metaOf(bytes)), { code: 'store-full' })
    t.equal(store.lookup('/b/key'), undefined)
    disk.fault = 'none'
    await untilAvailable(store)
  }
  await store.close()
  t.strictSame(auditStore(path), [])
})

t.test(
  'a checksum mismatch before the first byte of a hit: refused to the cache, the entry dropped and counted',
  async (t) => {
    const { disk, store } = await openFaulty(t)
    for (const bytes of [2000, 300_000]) {
      const entry = await fill(store, `/b/${bytes}`, bodyOf(bytes))
      disk.fault = 'flipped-bits'
      await t.rejects(Promise.resolve(store.read(entry, 0, bytes - 1)), { code: 'corrupt', source: 'store' })
      disk.fault = 'none'
      t.equal(store.lookup(`/b/${bytes}`), undefined)
    }
    t.equal(store.stats().corrupt, 2)
    await store.close()
  },
)

t.test(
  'a checksum mismatch after the first byte of a hit: closed hard, the entry dropped and counted',
  async (t) => {
    const { disk, store } = await openFaulty(t)
    const entry = await fill(store, '/b/large', bodyOf(1_000_000))
    const body = await store.read(entry, 0, 999_999)
    disk.fault = 'flipped-bits'
    if (body instanceof Uint8Array) return t.fail('expected pieces')
    let pieces = 0
    const readOn = async () => {
      for await (const _ of body) pieces += 1
    }
    await t.rejects(readOn(), { code: 'corrupt' })
    t.equal(pieces, 1, 'only the verified piece came')
    t.equal(store.lookup('/b/large'), undefined)
    t.equal(store.stats().corrupt, 1)
    await store.close()
  },
)

t.test('readers of a growing body that fails still get what is in memory', async (t) => {
  const { disk, store } = await openFaulty(t)
  const body = bodyOf(600_000)
  const writer = await store.begin('/b/growing', body.length)
  if ('refused' in writer) return t.fail(writer.refused)
  disk.fault = 'full'
  writer.write(body.subarray(0, 400_000))
  await delay(50)
  await t.rejects(Promise.resolve(writer.write(body.subarray(400_000))), { code: 'store-full' })
  t.ok(Buffer.from(await writer.read(100, 1000)).equals(body.subarray(100, 1100)))
  await writer.abort()
  await store.close()
})

t.test(
  'a disk that is full, failing or out of descriptors at random moments never breaks the store',
  async (t) => {
    const { disk, path, store } = await openFaulty(t, { maxBytes: 6 << 20 })
    const random = randomFrom(seed)
    const faults = ['full', 'io-error', 'no-descriptors', 'read-only', 'none', 'none'] as const
    const timer = setInterval(() => (disk.fault = faults[random(faults.length)]!), 3)
    let failed = 0
    let right = 0
    for (let round = 0; round < 300; round += 1) {
      const work = Array.from({ length: 6 }, async (_, lane) => {
        const key = `/b/${random(30)}`
        await storeAnything(store, key, round * 10 + lane, random, { said: () => undefined })
        const entry = store.lookup(key)
        if (entry !== undefined && !(await isRight(store, entry))) t.fail(`${key} has wrong bytes`)
        else right += 1
      })
      for (const { reason, status } of (await Promise.allSettled(work)) as PromiseRejectedResult[]) {
        if (status !== 'rejected') continue
        failed += 1
        if (!(reason instanceof ProxyError)) t.fail(`not one of our errors: ${reason}`)
      }
      if (!store.stats().available) await delay(5)
    }
    clearInterval(timer)
    disk.fault = 'none'
    await untilAvailable(store)
    t.ok(failed > 0 && right > 0, `${failed} operations met a fault, ${right} did not`)
    t.ok(diskUsage(path) <= 6 << 20)
    await store.close()
    t.strictSame(auditStore(path), [])
  },
)

t.test('the faults can be played from a control file', async (t) => {
  const path = t.testdir({ 'control.json': '{"fault": "full"}' })
  const options = diskOptions(`${path}/store`, { faultsFile: `${path}/control.json` })
  const store = await openDiskStore(options, testPorts())
  await t.rejects(fill(store, '/b/key', bodyOf(5000)), { code: 'store-full' })
  await delay(100)
  t.ok(Number(readFileSync(`${path}/control.json.touched`, 'utf8')) > 0, 'what met a fault is counted')
  writeFileSync(`${path}/control.json`, '{"fault": "none"}')
  await untilAvailable(store)
  await fill(store, '/b/key', bodyOf(5000))
  writeFileSync(`${path}/control.json`, '{"fault": "melted"}')
  await delay(60)
  const refused = store.read(store.lookup('/b/key')!, 0, 4999)
  await t.rejects(Promise.resolve(refused), /expected "fault" to be one of none, full/)
  await store.close()
})
