import { readdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import t, { type Test } from 'tap'
import type { Clock } from '../../ports.ts'
import { openDiskStore } from '../disk-store.ts'
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
  const store = await openDiskStore(diskOptions(directory, { faultsFile }), { ...ports, clock })
  t.teardown(() => store.close())
  const entry = await fill(store, '/b/small', body)
  await readAll(store, entry)
  const pass = (ms: number) => {
    passedMs += ms
  }
  return { store, entry, directory, faultsFile, pass }
}

t.test('a small file that was read a moment ago is read at once, ranges of it too', async (t) => {
  const { store, entry } = await readOnce(t)
  const whole = store.read(entry, 0, 9999)
  t.ok(whole instanceof Uint8Array && body.equals(whole))
  const part = store.read(entry, 5000, 5009)
  t.ok(part instanceof Uint8Array && body.subarray(5000, 5010).equals(part))
})

t.test('a file that nobody read for a while is not waited for', async (t) => {
  const { store, entry, pass } = await readOnce(t)
  pass(11_000)
  const read = store.read(entry, 0, 9999)
  t.ok(read instanceof Promise)
  t.ok(body.equals((await read) as Uint8Array))
  t.ok(store.read(entry, 0, 9999) instanceof Uint8Array, 'at once again')
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
