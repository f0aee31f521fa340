import { once } from 'node:events'
import { get } from 'node:http'
import path from 'node:path'
import { crc32 } from 'node:zlib'
import t from 'tap'
import { nodeDigests } from '../adapters/digests.ts'
import { createHttpOrigin } from '../adapters/http-origin.ts'
import { startHttpServer } from '../adapters/http-server.ts'
import { nodeClock, nodeRandom } from '../adapters/node-clock.ts'
import { createTiming } from '../admin/timing.ts'
import { patterned } from '../testing/memory-origin.ts'
import { memoryLog } from '../testing/requests.ts'
import { server as serverOptions } from '../testing/router-world.ts'
import { spawnTiedAloud, type TiedProcess } from '../testing/tied-process.ts'
import { type RouterOptions, routerDefaults } from './options.ts'
import { createRouter } from './route.ts'

// Smaller bodies would fit into the buffers of the kernel. BREAKWATER_BODY_MIB=32 takes about half a minute.
const bodyMib = Number(process.env.BREAKWATER_BODY_MIB ?? 12)
const size = bodyMib * 1024 * 1024
const readers = 200
const seed = 7
const loopback = { resolve: async () => ['127.0.0.1'] }

/** A process serving the object, ended with the test. */
async function objectServer(cacheStatus: string): Promise<{ child: TiedProcess; port: number }> {
  const script = path.resolve(import.meta.dirname, '../testing/object-server.ts')
  const child = spawnTiedAloud([script, String(size), String(seed), cacheStatus])
  t.teardown(() => child.kill('SIGKILL'))
  const [line] = await once(child.stdout, 'data')
  return { child, port: Number(line) }
}

/** The real router over real sockets, in this process. */
async function realRouter(ports: Readonly<Record<string, number>>) {
  const timeouts = { connectMs: 1000, firstByteMs: 5000, betweenBytesMs: 5000 }
  const servers = Object.entries(ports).map(([name, port]) =>
    serverOptions(name, { url: `http://127.0.0.1:${port}`, timeouts, maxConnections: 2 * readers }),
  )
  const options: RouterOptions = { ...routerDefaults, servers, deadlineMs: 10_000 }
  const log = memoryLog()
  const router = createRouter(options, {
    clock: nodeClock,
    random: nodeRandom,
    log,
    digests: nodeDigests,
    timing: () => createTiming(nodeClock),
    open: (one) => {
      const origin = createHttpOrigin({ ...one, ...one.timeouts }, loopback, nodeClock)
      t.teardown(() => origin.close())
      return origin
    },
    connect: async () => {},
  })
  const server = await startHttpServer({
    host: '127.0.0.1',
    port: 0,
    handler: router.handle,
    clock: nodeClock,
    log,
  })
  t.teardown(() => server.close())
  return { router, log, port: server.port }
}

interface Read {
  readonly status: number
  readonly bytes: number
  readonly digest: number
}

/** Reads the object to its end, pausing after the first piece until `go`; rejects when the connection is cut. */
function read(port: number, onBegin: () => void, go: Promise<unknown>): Promise<Read> {
  return new Promise((resolve, reject) => {
    const request = get({ host: '127.0.0.1', port, path: '/b/big', agent: false }, (response) => {
      let bytes = 0
      let digest = 0
      response.once('data', () => {
        response.pause()
        onBegin()
        void go.then(() => response.resume())
      })
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length
        digest = crc32(chunk, digest)
      })
      response.on('end', () => resolve({ status: response.statusCode!, bytes, digest }))
      response.on('error', reject)
    })
    request.on('error', reject)
  })
}

t.test(
  `kill -9 of the serving node within ${readers} bodies of ${bodyMib} MiB: all complete, digests right`,
  async (t) => {
    const [cache, s3] = await Promise.all([objectServer('HIT'), objectServer('')])
    const { router, log, port } = await realRouter({ cache1: cache.port, s3: s3.port })
    const dead = once(cache.child, 'exit')
    let begun = 0
    const onBegin = () => {
      if (++begun === readers) cache.child.kill('SIGKILL')
    }
    const reads = await Promise.all(Array.from({ length: readers }, () => read(port, onBegin, dead)))
    const digest = crc32(patterned(size, seed))
    const wrong = reads.filter((one) => one.status !== 200 || one.bytes !== size || one.digest !== digest)
    t.same(wrong, [], 'every body came whole')
    const [cache1, backup] = router.fleet.backends
    t.ok(cache1!.counters.resumed > readers / 2, `${cache1!.counters.resumed} bodies were continued`)
    t.equal(
      cache1!.counters.bytesOut + backup!.counters.bytesOut,
      readers * size,
      'no byte was fetched twice',
    )
    t.ok(cache1!.counters.bytesOut > 0 && backup!.counters.bytesOut > 0)
    t.equal(cache1!.inFlight + backup!.inFlight, 0)
    const ends = log.lines
      .filter(({ message }) => message === 'request')
      .map(({ fields }) => fields.termination)
    t.same(new Set(ends), new Set(['--']))
  },
)

t.test(
  'when nothing can continue the body, the client sees a cut connection, not a short body',
  async (t) => {
    const cache = await objectServer('HIT')
    const { port } = await realRouter({ cache1: cache.port })
    const kill = () => void cache.child.kill('SIGKILL')
    await t.rejects(read(port, kill, once(cache.child, 'exit')), { code: 'ECONNRESET' })
  },
)
