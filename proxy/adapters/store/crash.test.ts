import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { spawnTiedAloud, type TiedProcess } from '../../testing/tied-process.ts'
import { openDiskStore } from '../disk-store.ts'
import { auditStore, diskOptions, diskUsage, isRight, randomFrom, strayFiles, testPorts } from './testing.ts'

const child = fileURLToPath(new URL('crash-child.ts', import.meta.url))
const seed = Number(process.env.SEED ?? Date.now() % 100_000)
const killsPerLane = 52
const keys = Array.from({ length: 40 }, (_, number) => `/b/${number}`)

// Children that find their modules compiled start in a quarter of the time. Only a run that ends by itself saves them.
const compileCache = mkdtempSync(`${tmpdir()}/breakwater-compile-`)
const env = { ...process.env, NODE_COMPILE_CACHE: compileCache }
spawnSync(process.execPath, [child], { env, timeout: 30_000, killSignal: 'SIGKILL' })
t.teardown(() => rmSync(compileCache, { recursive: true }))
t.comment(`seed ${seed}: run again with SEED=${seed}`)
t.jobs = 4
t.setTimeout(100_000)

// In a roomy store nothing is evicted, so that what was committed must be there; in a tight one, the cap must hold.
const lanes = [
  { name: 'roomy store', maxBytes: 96 << 20 },
  { name: 'second roomy store', maxBytes: 96 << 20 },
  { name: 'tight store', maxBytes: 4 << 20 },
  { name: 'second tight store', maxBytes: 2 << 20 },
]
for (const [number, { name, maxBytes }] of lanes.entries()) {
  const title = `kill -9 at any moment: a restart serves only complete verified entries, no byte is outside the accounting (${name})`
  t.test(title, (t) => runLane(t, number, maxBytes))
}

async function runLane(t: Test, number: number, maxBytes: number): Promise<void> {
  const directory = t.testdir()
  const random = randomFrom(seed + number)
  /** The version each key must have; absent when it is not known. */
  const certain = new Map<string, number>()
  let ready = 0
  for (let run = 0; run < killsPerLane; run += 1) {
    const lines = await runAndKill([directory, `${seed + number * 1000 + run}`, `${maxBytes}`], random)
    if (lines[0] === 'ready') ready += 1
    learn(certain, lines)
    if (diskUsage(directory) > maxBytes) t.fail(`run ${run}: ${diskUsage(directory)} bytes on disk`)
    for (const stray of strayFiles(directory)) t.fail(`run ${run}: ${stray} is in no book`)
    if (run % 4 === 3) await checkStore(t, directory, maxBytes, maxBytes > 50 << 20 ? certain : new Map())
  }
  t.ok(ready > killsPerLane / 2, `${ready} of ${killsPerLane} runs were killed at work`)
}

/** Runs the child and kills it: in one run of eight while it starts, else within 40 ms of being ready. */
async function runAndKill(args: string[], random: (below: number) => number): Promise<string[]> {
  const running = spawnTiedAloud([child, ...args], env)
  const output = readOutput(running)
  if (random(8) === 0) await delay(random(200))
  else {
    await output.ready
    await delay(random(40))
  }
  running.kill('SIGKILL')
  return await output.lines
}

function readOutput(running: TiedProcess): { ready: Promise<void>; lines: Promise<string[]> } {
  let text = ''
  const ready = Promise.withResolvers<void>()
  const lines = Promise.withResolvers<string[]>()
  running.stdout.on('data', (chunk: Buffer) => {
    text += chunk
    if (text.startsWith('ready\n')) ready.resolve()
  })
  running.on('close', () => {
    ready.resolve()
    lines.resolve(text.slice(0, text.lastIndexOf('\n') + 1).split('\n'))
  })
  return { ready: ready.promise, lines: lines.promise }
}

/** A key is certain again once all who were changing it have said what became of it. */
function learn(certain: Map<string, number>, lines: string[]): void {
  const changing = new Map<string, number>()
  for (const line of lines) {
    const [word, key, version] = line.split(' ')
    if (key === undefined) continue
    const left = (changing.get(key) ?? 0) + (word === 'doubt' ? 1 : -1)
    changing.set(key, left)
    if (left > 0 || word === 'gone') certain.delete(key)
    else certain.set(key, Number(version))
  }
}

async function checkStore(
  t: Test,
  directory: string,
  maxBytes: number,
  certain: Map<string, number>,
): Promise<void> {
  const store = await openDiskStore(diskOptions(directory, { maxBytes }), testPorts())
  for (const key of keys) {
    const entry = store.lookup(key)
    if (entry !== undefined && !(await isRight(store, entry))) t.fail(`${key} has wrong bytes`)
    const version = certain.get(key)
    if (version !== undefined && entry?.meta.etag !== `"${version}"`) {
      t.fail(`${key} is ${entry?.meta.etag} and not "${version}" as was committed`)
    }
  }
  const { corrupt, usedBytes } = store.stats()
  await store.close()
  t.equal(corrupt, 0, 'nothing is damaged')
  t.ok(usedBytes <= maxBytes, `${usedBytes} bytes used`)
  t.ok(diskUsage(directory) <= usedBytes, 'the disk holds no more than is accounted for')
  t.strictSame(auditStore(directory), [], 'the books agree with the files')
}
