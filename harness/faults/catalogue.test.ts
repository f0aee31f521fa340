import { Resolver } from 'node:dns/promises'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { get as getPlain } from 'node:http'
import { Agent, get } from 'node:https'
import { connect } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { emptyPayloadHash, signSigV4 } from '../../proxy/adapters/sigv4.ts'
import { originRegion } from '../origins/handle.ts'
import { startNameserver } from '../origins/nameserver.ts'
import { startOrigin } from '../origins/start.ts'
import { freePorts } from '../run/ports.ts'
import { UndoStack } from '../run/undo.ts'
import { Part } from '../systems/part.ts'
import { openToxiproxy } from '../toxiproxy/find.ts'
import { type FaultTargets, faultByName, faultNames } from './catalogue.ts'
import { storedBitsFlip } from './disk.ts'
import { FaultSet } from './fault-set.ts'

t.setTimeout(110_000)

// A client reads one object of 100 KB through a link to S3, as the parts of a system do; beside it runs a "cache" that
// is a process and a folder with stored files.
const body = Buffer.alloc(100_000, 'abcdefghij')
const dir = t.testdir({ data: { b: 'b' }, origin: {}, logs: {}, cache: { store: {} } })
writeFileSync(join(dir, 'data', 'a'), body)
const storedFile = join(dir, 'cache', 'store', 'body')
writeFileSync(storedFile, body)

const origin = await startOrigin({ kind: 's3rver', dir: `${dir}/origin`, dataset: `${dir}/data`, seed: 3 })
t.teardown(() => origin.stop())
const nameserver = await startNameserver({ [origin.host]: ['127.0.0.1'] })
t.teardown(() => nameserver.stop())
const toxiproxy = await openToxiproxy('embedded', { seed: 3, logDir: `${dir}/logs` })
t.teardown(() => toxiproxy.stop())
const link = await toxiproxy.createLink('client-s3', origin.tlsAddress)

const [port] = await freePorts(1)
const serverProgram = `require('node:http').createServer((q, s) => s.end(String(process.pid))).listen(${port}, '127.0.0.1')`
const node = new Part(
  {
    name: 'cache',
    role: 'cache',
    command: ['{node}', '-e', serverProgram],
    files: {},
    ready: { tcp: '{listen}' },
  },
  { dir: `${dir}/cache`, listen: `127.0.0.1:${port}`, node: process.execPath },
  `${dir}/logs`,
  ({ how }) => t.fail(`the cache died unexpectedly: ${how}`),
)
await node.start()
t.teardown(() => node.stop())

const controlFile = join(dir, 'disk.json')
const cache = new Proxy(node, {
  get: (part, key) => {
    if (key === 'diskControlFile') return controlFile
    const value = Reflect.get(part, key, part)
    return typeof value === 'function' ? value.bind(part) : value
  },
}) as Part & { diskControlFile: string }

let failures = 0
const targets: FaultTargets = {
  toxiproxy,
  witness: { failuresSince: () => failures, nowMs: () => performance.now() },
  originLinks: ['client-s3'],
  origin,
  nameserver,
  caches: [cache],
  seed: 3,
}

const readDeadlineMs = 1200

/** One read on a connection of its own, found by asking the nameserver: its status and body, or how it failed. */
async function read(): Promise<string> {
  const started = performance.now()
  const outcome = await attempt().catch((error) => error.code ?? error.message)
  if (outcome !== 'right') failures += 1
  const elapsed = performance.now() - started
  return outcome === 'right' && elapsed > 150 ? 'right but slow' : outcome
}

async function attempt(): Promise<string> {
  const resolver = new Resolver({ timeout: 200, tries: 1 })
  resolver.setServers([nameserver.address])
  const [address = ''] = await resolver.resolve4(origin.host)
  const target = '/artifacts/artifacts/a'
  const headers = ['Host', origin.host]
  const what = {
    method: 'GET',
    target,
    headers,
    payloadHash: emptyPayloadHash,
    region: originRegion,
    service: 's3',
  }
  headers.push(...signSigV4({ ...what, credentials: origin.credentials, nowMs: Date.now() }))
  const agent = new Agent({ ca: readFileSync(origin.caFile), servername: origin.host })
  const options = { host: address, port: Number(link.split(':')[1]), path: target, headers, agent }
  return new Promise((resolve, reject) => {
    const request = get({ ...options, signal: AbortSignal.timeout(readDeadlineMs) }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk) => chunks.push(chunk))
      response.on('error', reject)
      response.on('end', () =>
        resolve(judged(response.statusCode!, response.headers.etag, Buffer.concat(chunks))),
      )
    })
    request.on('error', reject)
    request.on('close', () => agent.destroy())
  })
}

const rightEtag = (await origin.holds('artifacts/a'))!.md5

function judged(status: number, etag: string | undefined, got: Buffer): string {
  if (status !== 200) return `status ${status}`
  if (!got.equals(body)) return 'wrong bytes'
  return etag === `"${rightEtag}"` ? 'right' : 'wrong etag'
}

/** What a client of the cache sees: the process that answers, or how it failed. */
function askCache(): Promise<string> {
  return new Promise((resolve) => {
    const request = getPlain(`http://127.0.0.1:${port}`, { agent: false, timeout: 300 }, (response) => {
      let text = ''
      response.on('data', (chunk) => (text += chunk))
      response.on('end', () => resolve(text))
    })
    request.on('timeout', () => request.destroy(Object.assign(new Error(), { code: 'silence' })))
    request.on('error', (error: NodeJS.ErrnoException) => resolve(error.code!))
  })
}

const strong = 1
const onS3: [string, RegExp, number?][] = [
  ['s3-silent', /ABORT/i],
  ['s3-refused', /ECONNREFUSED/],
  ['s3-slow', /ABORT/i],
  ['s3-throttled', /ABORT/i],
  ['s3-reset', /ECONNRESET/],
  ['s3-closed', /ECONNRESET/],
  ['s3-cut', /aborted|ECONNRESET/i],
  ['s3-sliced', /right but slow|ABORT/i],
  ['s3-slow-close', /right/],
  ['s3-corrupted', /ERR_SSL|EPROTO|BAD_RECORD|ABORT/i],
  ['s3-slow-down', /status 503/],
  ['s3-internal-error', /status 500/],
  ['s3-forbidden', /status 403/],
  ['s3-slow-first-byte', /ABORT/i],
  ['s3-truncated', /aborted|ECONNRESET/i],
  ['s3-overlong', /HPE|right/], // how much longer it is the origin's own test looks at on the wire
  ['s3-altered', /wrong bytes/],
  ['s3-wrong-etag', /wrong etag/],
  ['s3-error-with-200', /wrong bytes/],
  ['certificate-expired', /CERT_HAS_EXPIRED/],
  ['certificate-wrong-name', /ALTNAME/],
  ['certificate-unknown-authority', /VERIFY/],
  ['dns-nxdomain', /ENOTFOUND/],
  ['dns-servfail', /ESERVFAIL/],
  ['dns-silence', /ETIMEOUT/],
  ['dns-elsewhere', /ECONNREFUSED/],
]

/** What anybody could still find of a fault, one line each. */
async function leftovers(): Promise<string[]> {
  const links = (await (await fetch(`${toxiproxy.url}/proxies`)).json()) as Record<
    string,
    { enabled: boolean; toxics: { name: string }[] }
  >
  const onLinks = Object.values(links).flatMap(({ enabled, toxics }) => [
    ...toxics.map((toxic) => `toxic ${toxic.name}`),
    ...(enabled ? [] : ['a closed link']),
  ])
  const onOrigin = (await origin.clearFaults()).map(({ id }) => `fault ${id} of S3`)
  const { kind } = nameserver.answerOf(origin.host)
  return [...onLinks, ...onOrigin, ...(kind === 'addresses' ? [] : [`a name that answers ${kind}`])]
}

/** The answer is whole before the end of its connection has come to Toxiproxy. */
async function closeHeldBack(): Promise<void> {
  const links = Object.keys((await (await fetch(`${toxiproxy.url}/proxies`)).json()) as object)
  for (let tries = 0; tries < 500; tries++) {
    for (const name of links) {
      const { touched } = (await (await fetch(`${toxiproxy.url}/proxies/${name}/connections`)).json()) as {
        touched: Record<string, { connections: number }>
      }
      if (Object.values(touched).some(({ connections }) => connections > 0)) return
    }
    await sleep(10)
  }
}

t.test('each fault between a client and S3 does what it says, proves it, and leaves nothing', async (t) => {
  for (const [name, effect] of onS3) {
    t.match(await read(), /^right/, `before ${name} all is well`)
    const fault = faultByName(name, targets, strong)
    await fault.apply()
    t.match(await read(), effect, name)
    if (name === 's3-slow-close') await closeHeldBack()
    const { count, evidence } = await fault.heal()
    t.ok(count > 0, `${name}: ${count} ${evidence}`)
    t.match(await read(), /^right/, `${name} is gone`)
    t.same(await leftovers(), [], `nothing of ${name} is left`)
  }
})

t.test('closing is slow: the other side learns of an end only later', async (t) => {
  const closedAfter = () =>
    new Promise<number>((resolve) => {
      const socket = connect({ host: '127.0.0.1', port: Number(link.split(':')[1]) }, () => socket.end())
      const startedMs = performance.now()
      socket.on('close', () => resolve(performance.now() - startedMs))
      socket.resume()
    })
  const plainMs = await closedAfter()
  const fault = faultByName('s3-slow-close', targets, 0.4)
  await fault.apply()
  const slowMs = await closedAfter()
  await fault.heal()
  t.ok(slowMs > 250 && plainMs < slowMs, `${plainMs} ms without, ${slowMs} ms with 257 ms of delay`)
})

t.test('each fault of a process does what it says, proves it, and leaves nothing', async (t) => {
  const table: [string, RegExp][] = [
    ['cache-killed', /ECONNREFUSED/],
    ['cache-stopped', /silence/],
    ['cache-restarted', /^\d+$/],
    ['cache-restarted-cold', /^\d+$/],
    ['cache-killed-cold', /ECONNREFUSED/],
  ]
  for (const [name, effect] of table) {
    mkdirSync(join(dir, 'cache', 'store'), { recursive: true })
    writeFileSync(storedFile, body)
    const before = await askCache()
    const fault = faultByName(name, targets, strong)
    await fault.apply()
    const meanwhile = await askCache()
    t.match(meanwhile, effect, name)
    t.not(meanwhile, before)
    t.equal((await fault.heal()).count, 1, `${name} was real`)
    t.match(await askCache(), /^\d+$/, `after ${name} it answers`)
    t.equal(existsSync(storedFile), !name.includes('cold'), `${name}: its store`)
  }
})

t.test('a flipped bit in a stored file is one bit, and healing flips it back', async (t) => {
  mkdirSync(join(dir, 'cache', 'store'), { recursive: true })
  writeFileSync(storedFile, body)
  writeFileSync(join(dir, 'cache', 'cache.yaml'), Buffer.alloc(5000, '#'))
  const fault = storedBitsFlip('cache', cache.dir, { seed: 1, share: 1, minBytes: 1024 })
  await fault.apply()
  const flipped = readFileSync(storedFile)
  const differing = [...flipped.keys()].filter((i) => flipped[i] !== body[i])
  t.equal(differing.length, 1)
  t.ok(
    readFileSync(join(dir, 'cache', 'cache.yaml')).equals(Buffer.alloc(5000, '#')),
    'no body, so left alone',
  )
  t.equal((await fault.heal()).count, 1)
  t.ok(readFileSync(storedFile).equals(body))
  await fault.apply()
  writeFileSync(storedFile, body)
  await fault.heal()
  t.ok(readFileSync(storedFile).equals(body), 'a file that was written anew stays as it is')
})

t.test('a disk fault says what the store is to play, and counts what the store counted', async (t) => {
  writeFileSync(`${controlFile}.touched`, '5')
  for (const name of faultNames(targets).filter((fault) => fault.startsWith('disk-'))) {
    const fault = faultByName(name, targets, strong)
    await fault.apply()
    t.equal(JSON.parse(readFileSync(controlFile, 'utf8')).fault, name.slice('disk-'.length))
    const before = Number(readFileSync(`${controlFile}.touched`, 'utf8'))
    writeFileSync(`${controlFile}.touched`, String(before + 3))
    t.equal((await fault.heal()).count, 3, name)
    t.notOk(existsSync(controlFile))
  }
})

t.test('every name of the catalogue has been tried here', async (t) => {
  const tried = new Set(onS3.map(([name]) => name))
  const rest = faultNames(targets).filter((name) => !tried.has(name))
  t.ok(
    rest.every((name) => name.startsWith('cache-') || name.startsWith('disk-')),
    rest.join(', '),
  )
  t.equal(rest.length, 12)
})

t.test('faults that want the same thing differently follow each other without a gap', async (t) => {
  const table: [string, string, RegExp][] = [
    ['dns-nxdomain', 'dns-servfail', /ESERVFAIL/],
    ['certificate-expired', 'certificate-wrong-name', /ALTNAME/],
    ['s3-refused', 's3-refused', /ECONNREFUSED/],
  ]
  for (const [firstName, secondName, effect] of table) {
    const first = faultByName(firstName, targets, strong)
    const second = faultByName(secondName, targets, strong)
    await first.apply()
    await second.apply()
    await first.heal()
    t.match(await read(), effect, `${secondName} outlives ${firstName}`)
    t.ok((await second.heal()).count > 0)
    t.match(await read(), /^right/)
    t.same(await leftovers(), [])
  }
  const [warm, cold] = ['cache-killed', 'cache-killed-cold'].map((name) => faultByName(name, targets, strong))
  await warm!.apply()
  await cold!.apply()
  await warm!.heal()
  t.equal(await askCache(), 'ECONNREFUSED', 'still dead')
  t.equal((await cold!.heal()).count, 1)
  t.match(await askCache(), /^\d+$/)
  const [full, slow] = ['disk-full', 'disk-slow'].map((name) => faultByName(name, targets, strong))
  await full!.apply()
  await slow!.apply()
  await full!.heal()
  t.equal(JSON.parse(readFileSync(controlFile, 'utf8')).fault, 'slow')
  await slow!.heal()
  t.notOk(existsSync(controlFile))
})

t.test('a run that ends in the middle of a fault leaves nothing of it, whichever it is', async (t) => {
  for (const name of faultNames(targets)) {
    const undo = new UndoStack()
    const faults = new FaultSet(
      undo,
      () => {},
      () => 0,
    )
    mkdirSync(join(dir, 'cache', 'store'), { recursive: true })
    writeFileSync(storedFile, body)
    await faults.change([faultByName(name, targets, strong)])
    t.same(await undo.run(), [], `${name} could be undone`)
    t.same(await leftovers(), [], `nothing of ${name} is left`)
    t.notOk(existsSync(controlFile))
    const isEmptied = name.startsWith('cache-') && name.endsWith('-cold')
    t.equal(existsSync(storedFile), !isEmptied)
    if (!isEmptied) t.ok(readFileSync(storedFile).equals(body))
  }
  t.match(await read(), /^right/)
  t.match(await askCache(), /^\d+$/)
})

t.test('a run that ends in the middle of several leaves nothing of them', async (t) => {
  const undo = new UndoStack()
  const faults = new FaultSet(
    undo,
    () => {},
    () => 0,
  )
  const names = [
    's3-silent',
    's3-slow-down',
    's3-refused',
    'certificate-expired',
    'dns-nxdomain',
    'cache-killed',
  ]
  await faults.change(names.map((name) => faultByName(name, targets, strong)))
  t.not(await read(), 'right')
  t.equal(await askCache(), 'ECONNREFUSED')
  t.same(await undo.run(), [], 'everything could be undone')
  t.match(await read(), /^right/)
  t.same(await leftovers(), [])
  t.match(await askCache(), /^\d+$/)
})
