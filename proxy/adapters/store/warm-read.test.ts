import { readdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import t, { type Test } from 'tap'
import { isLent, type StoredEntry } from '../../object.ts'
import type { Clock } from '../../ports.ts'
import { type DiskStore, openDiskStore } from '../disk-store.ts'
import { type FileSystem, nodeFileSystem } from './file-system.ts'
import { bodyOf, diskOptions, fill, readAll, testPorts } from './testing.ts'

const body = bodyOf(10_000)

/** A store with one small file that was read a moment ago; `pass` moves its clock. */
async function readOnce(t: Test) {
  const ports = testPorts()
  let passedMs = 0
  const clock: Clock = { ...ports.clock, monotonicMs: () => ports.clock.monotonicMs() + passedMs }
  const folder = t.testdir()
  const directory = path.join(folder, 'store')
  const faultsFile = path.join(folder, 'faults.json')
  let stalledMs = 0
  const files: FileSystem = {
    ...nodeFileSystem,
    readNow(...read) {
      passedMs += stalledMs
      return nodeFileSystem.readNow(...read)
    },
  }
  const store = await openDiskStore(diskOptions(directory, { faultsFile }), { ...ports, clock }, files)
  t.teardown(() => store.close())
  const entry = await fill(store, '/b/small', body)
  await readAll(store, entry)
  const pass = (ms: number) => {
    passedMs += ms
  }
  /** From now on a read at once takes so long. */
  const stall = (ms: number) => {
    stalledMs = ms
  }
  return { store, entry, directory, faultsFile, pass, stall }
}

/** What can be read without waiting, in one piece; null when nothing can. */
function atOnce(store: DiskStore, entry: StoredEntry, first: number, last: number): Uint8Array | null {
  const body = store.read(entry, first, last)
  if (body instanceof Promise || !isLent(body)) return null
  const piece = body.lend()
  const copy = piece instanceof Uint8Array ? Uint8Array.from(piece) : null
  body.leave()
  return copy
}

t.test('a small file that was read a moment ago is read at once, ranges of it too', async (t) => {
  const { store, entry } = await readOnce(t)
  t.ok(body.equals(atOnce(store, entry, 0, 9999)!))
  t.ok(body.subarray(5000, 5010).equals(atOnce(store, entry, 5000, 5009)!))
})

t.test('a file that nobody read for a while is not waited for', async (t) => {
  const { store, entry, pass } = await readOnce(t)
  pass(11_000)
  t.equal(atOnce(store, entry, 0, 9999), null)
  t.ok(body.equals(await readAll(store, entry)))
  t.ok(body.equals(atOnce(store, entry, 0, 9999)!), 'at once again')
})

t.test('a file altered since it was read is found out', async (t) => {
  const { store, entry, directory } = await readOnce(t)
  const bodies = path.join(directory, 'bodies')
  const [file] = readdirSync(bodies, { recursive: true, withFileTypes: true }).filter((one) => one.isFile())
  writeFileSync(path.join(file!.parentPath, file!.name), bodyOf(10_004, 2))
  await t.rejects(readAll(store, entry), { code: 'corrupt' })
})

t.test('a disk fault that is played meets such a file as well', async (t) => {
  const { store, entry, faultsFile, pass } = await readOnce(t)
  writeFileSync(faultsFile, '{"fault":"io-error"}')
  pass(100)
  await t.rejects(readAll(store, entry), { code: 'store-io' })
})

t.test('after a read at once that took long, none is made for ten times as long', async (t) => {
  const { store, entry, pass, stall } = await readOnce(t)
  stall(10)
  t.ok(atOnce(store, entry, 0, 9999), 'this one had to be waited for')
  stall(0)
  t.equal(atOnce(store, entry, 0, 9999), null)
  pass(101)
  t.ok(atOnce(store, entry, 0, 9999))
})

t.test('of a large body only the blocks that were read are read at once', async (t) => {
  const { store } = await readOnce(t)
  const large = bodyOf(3 * 65_536)
  const entry = await fill(store, '/b/large', large)
  await readAll(store, entry, 65_536, 131_071)
  t.ok(large.subarray(70_000, 70_010).equals(atOnce(store, entry, 70_000, 70_009)!))
  t.equal(atOnce(store, entry, 0, 0), null)
  t.equal(atOnce(store, entry, 130_000, 131_072), null, 'nor a piece that reaches into another block')
})
