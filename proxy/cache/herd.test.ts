// 100 clients at once ask a real cache process for one cold object of 256 MiB: one origin GET, every byte to everybody,
// and little memory. HERD_MIB makes the object smaller.
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import t from 'tap'
import { patterned } from '../testing/memory-origin.ts'
import { endProcess, spawnTiedAloud, type TiedProcess } from '../testing/tied-process.ts'

const clients = 100
const blockBytes = 1024 * 1024
const blocks = Number(process.env.HERD_MIB ?? 256)
const bodyBytes = blocks * blockBytes
const maxRssMiB = 300
const block = Buffer.from(patterned(blockBytes))

interface HerdOrigin {
  readonly server: Server
  readonly gets: string[]
  /** Lets the body go on past its first block. */
  release(): void
}

/** Sends the first block, and the others only once it is released. */
async function startOrigin(): Promise<HerdOrigin> {
  const gets: string[] = []
  const released = Promise.withResolvers<void>()
  const server = createServer(async (request, response) => {
    gets.push(`${request.method} ${request.url}`)
    response.writeHead(200, { 'Content-Length': bodyBytes, ETag: '"herd-1"' })
    response.write(block)
    await released.promise
    for (let i = 1; i < blocks; i++) if (!response.write(block)) await once(response, 'drain')
    response.end()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { server, gets, release: released.resolve }
}

async function startCache(dir: string, originPort: number): Promise<{ child: TiedProcess; port: number }> {
  const config = {
    listen: '127.0.0.1:0',
    origin: {
      url: `http://127.0.0.1:${originPort}`,
      first_byte_timeout: '20s',
      between_bytes_timeout: '20s',
    },
    deadline: '20s',
    store: { path: path.join(dir, 'store'), max_size: '2g' },
    freshness: { valid: [{ time: '1h' }] },
    authorisation: { mode: 'network' },
  }
  const file = path.join(dir, 'cache.yaml')
  await writeFile(file, JSON.stringify(config))
  const main = path.resolve(import.meta.dirname, '../main.ts')
  const child = spawnTiedAloud([main, 'cache', '--config', file])
  for await (const line of createInterface({ input: child.stdout })) {
    const ready = /listening on [\d.]+:(\d+)/.exec(line)
    if (ready) return { child, port: Number(ready[1]) }
  }
  throw new Error('the cache ended before it was ready')
}

/** One client: counts the bytes that are right, calls back at its first one, resolves when the answer is complete. */
function fetchWhole(port: number, onFirstByte: () => void): Promise<number> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1')
    let head: Uint8Array | null = Buffer.alloc(0)
    let right = 0
    socket.on('error', reject)
    socket.on('close', () => resolve(right))
    socket.write('GET /bucket/herd HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n')
    socket.on('data', (data) => {
      let body = data
      if (head) {
        const received = Buffer.concat([head, data])
        const end = received.indexOf('\r\n\r\n')
        head = end < 0 ? received : null
        if (end < 0) return
        body = received.subarray(end + 4)
      }
      if (right === 0 && body.length > 0) onFirstByte()
      right += rightBytes(body, right)
      if (right >= bodyBytes) socket.end()
    })
  })
}

/** How many bytes of `body` are those of the object from `offset`; all or an error. */
function rightBytes(body: Buffer, offset: number): number {
  for (let at = 0; at < body.length; ) {
    const inBlock = (offset + at) % blockBytes
    const length = Math.min(body.length - at, blockBytes - inBlock)
    if (block.compare(body, at, at + length, inBlock, inBlock + length) !== 0) throw new Error('wrong bytes')
    at += length
  }
  return body.length
}

function peakRssMiB(pid: number): number {
  return Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) / 1024
}

t.test(
  `${clients} clients at once on one cold object: one origin GET, every byte to each, bounded memory`,
  async (t) => {
    const dir = await mkdtemp(path.join(tmpdir(), 'herd-'))
    const origin = await startOrigin()
    const { child, port } = await startCache(dir, (origin.server.address() as AddressInfo).port)
    t.teardown(async () => {
      await endProcess(child)
      origin.server.closeAllConnections()
      origin.server.close()
      await rm(dir, { recursive: true })
    })
    let started = 0
    const reads = Array.from({ length: clients }, () =>
      fetchWhole(port, () => {
        // The origin holds back all but the first block until every client has read of it.
        if (++started === clients) origin.release()
      }),
    )
    const counts = await Promise.all(reads)
    t.ok(
      counts.every((bytes) => bytes === bodyBytes),
      'every client got every byte',
    )
    t.strictSame(origin.gets, ['GET /bucket/herd'])
    if (process.platform === 'linux') {
      const peak = peakRssMiB(child.pid!)
      t.comment(`peak memory ${Math.round(peak)} MiB`)
      t.ok(peak < maxRssMiB, `peak memory ${Math.round(peak)} MiB is under ${maxRssMiB} MiB`)
    }
  },
)
