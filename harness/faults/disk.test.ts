// What the disk's faults do to a real cache that is read from: its process, its store, an S3 behind it.
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { freePorts } from '../run/ports.ts'
import { Part } from '../systems/part.ts'
import { type FaultTargets, faultByName, faultNames } from './catalogue.ts'

t.setTimeout(100_000)

const body = Buffer.alloc(300_000, 'abcdefghij')
const s3 = createServer((_request, answer) => {
  answer.writeHead(200, { ETag: '"e"', 'Content-Length': body.length }).end(body)
}).listen(0, '127.0.0.1')
await once(s3, 'listening')
t.teardown(() => s3.close())

const dir = t.testdir({ cache: {}, logs: {} })
const program = new URL('../../proxy/main.ts', import.meta.url).pathname
const configuration = `
listen: '{listen}'
origin: { url: 'http://127.0.0.1:${(s3.address() as AddressInfo).port}', connect_timeout: 10s, first_byte_timeout: 10s }
deadline: 20s
store: { path: '{dir}/store', faults_file: '{dir}/faults.json', max_size: 1g }
memory: { max_size: 1m, max_object: 1k }
authorisation: { mode: network }
`
const [port] = await freePorts(1)
const part = new Part(
  {
    name: 'cache',
    role: 'cache',
    command: ['{node}', program, 'cache', '--config', 'cache.yaml'],
    files: { 'cache.yaml': configuration },
    ready: { output: 'listening on {listen}' },
  },
  { dir: `${dir}/cache`, listen: `127.0.0.1:${port}`, node: process.execPath },
  `${dir}/logs`,
  ({ how, logTail }) => t.fail(`the cache died: ${how} ${logTail}`),
)
await part.start()
t.teardown(() => part.stop())

const node = Object.assign(Object.create(part), { diskControlFile: `${dir}/cache/faults.json` })
Object.defineProperty(node, 'dir', { value: part.dir })
const targets = { caches: [node], toxiproxy: { kind: 'embedded' }, seed: 1 } as unknown as FaultTargets

interface Read {
  /** HIT, MISS, … */
  readonly from: string
  readonly ms: number
}

/** Reads an object through the cache; whatever its disk does the bytes must be right. */
async function read(name: string): Promise<Read> {
  const startMs = performance.now()
  const answer = await fetch(`http://${part.listen}/bucket/${name}`, {
    headers: { 'x-amz-content-sha256': 'UNSIGNED-PAYLOAD' },
  })
  const got = Buffer.from(await answer.arrayBuffer())
  if (answer.status !== 200 || !got.equals(body)) throw new Error(`${name}: ${answer.status}, wrong bytes`)
  return { from: answer.headers.get('x-cache-status')!, ms: performance.now() - startMs }
}

/** Reads until the store has it: objects are stored after their reader was answered, and a store that failed is tried again by and by. */
async function untilStored(name: string): Promise<void> {
  for (let tries = 0; tries < 400; tries++) {
    if ((await read(name)).from === 'HIT') return
    await sleep(50)
  }
  throw new Error(`${name} is not stored`)
}

/** Whether an object is fetched each time it is asked for. */
async function isNeverStored(name: string): Promise<boolean> {
  for (let tries = 0; tries < 5; tries++) {
    if ((await read(name)).from === 'HIT') return false
    await sleep(50)
  }
  return true
}

const many = ['a', 'b', 'c', 'd', 'e', 'f']

async function isAnyFetchedAnew(): Promise<boolean> {
  const reads = await Promise.all(many.map(read))
  return reads.some(({ from }) => from !== 'HIT')
}

const isFetchedAnew = async (stored: string) => (await read(stored)).from !== 'HIT'
/** What a fault does to reads of an object that is stored, and of one that is not. */
const effects: Record<string, (stored: string, other: string) => Promise<boolean>> = {
  'disk-full': async (stored, other) => (await isNeverStored(other)) && !(await isFetchedAnew(stored)),
  'disk-read-only': async (stored, other) => (await isNeverStored(other)) && !(await isFetchedAnew(stored)),
  'disk-io-error': isFetchedAnew,
  'disk-no-descriptors': (_stored, other) => isNeverStored(other),
  'disk-slow': async (stored) => (await read(stored)).ms >= 1000,
  'disk-flipped-bits': isFetchedAnew,
  'cache-bits-flipped': isAnyFetchedAnew,
}

t.test('each fault of the disk does what it says to who reads, proves it, and leaves nothing', async (t) => {
  const names = faultNames(targets).filter((name) => name.startsWith('disk-') || name.includes('bits'))
  t.same(Object.keys(effects).toSorted(), names.toSorted(), 'all of them')
  for (const name of many) await untilStored(name)
  for (const name of names) {
    const [stored, other] = [`${name}-stored`, `${name}-other`]
    await untilStored(stored)
    const fault = faultByName(name, targets, 1)
    await fault.apply()
    t.ok(await effects[name]!(stored, other), `${name} is felt`)
    const { count, evidence } = await fault.heal()
    t.ok(count > 0, `${name}: ${count} ${evidence}`)
    await untilStored(`${name}-after`)
  }
})
