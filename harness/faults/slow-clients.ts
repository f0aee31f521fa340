// Clients that take all the time in the world: they read an answer, send a request's head, or send an upload, some bytes
// at a time. There is a fixed number of them, none comes back once it was cut off, and healing makes all leave.
import net, { type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import tls from 'node:tls'
import { emptyPayloadHash, signSigV4, unsignedPayload } from '../../proxy/adapters/sigv4.ts'
import { tlsOptions } from '../load/connections.ts'
import type { Endpoint, SigningCredentials } from '../load/messages.ts'
import { type Fault, makeFault } from './fault.ts'

/** Where they go, and as whom. */
export interface SlowClientsTarget {
  readonly entry: Endpoint
  readonly hostHeader: string
  readonly credentials: SigningCredentials
}

/** What one of them does, and how slowly; all move at the same beat. */
interface Habit {
  readonly name: string
  readonly evidence: string
  readonly method: 'GET' | 'PUT'
  readonly payloadHash: string
  readonly headers: readonly string[]
  /** After the connection: what is written at once. The rest, if any, comes `bytesAtOnce` at every beat. */
  readonly atOnce: (head: string) => string
  readonly later: (head: string) => string
  readonly readsAtOnce: number
  readonly writesAtOnce: number
  /** They come one after the other: what a crowd that comes at once does is not what they are to show. */
  readonly betweenArrivalsMs: number
  /** Whether it has been slow at the system's expense: it was let in and is not done. */
  readonly isFelt: (client: SlowClient) => boolean
}

const beatMs = 200
/** How long the last of them has to be let in before the fault counts as applied all the same. */
const patienceMs = 2000
const uploadBytes = 1024 * 1024

const reading: Habit = {
  name: 'slow readers',
  evidence: 'clients that got the first of a body and were still reading it when they left',
  method: 'GET',
  payloadHash: emptyPayloadHash,
  headers: [],
  atOnce: (head) => head,
  later: () => '',
  readsAtOnce: 2048,
  writesAtOnce: 0,
  // Each takes some MB at full speed into the buffers of its connections before it is felt to be slow.
  betweenArrivalsMs: 160,
  isFelt: (client) => client.readBytes > 0 && client.isOpen,
}

const asking: Habit = {
  name: 'slow requests',
  evidence: 'clients that were let in and sent some of a request’s head',
  method: 'GET',
  payloadHash: emptyPayloadHash,
  headers: [],
  atOnce: () => '',
  later: (head) => head,
  readsAtOnce: 0,
  writesAtOnce: 1,
  betweenArrivalsMs: 20,
  isFelt: (client) => client.writtenBytes > 0,
}

const uploading: Habit = {
  name: 'slow uploads',
  evidence: 'clients that were let in and sent some of a body, of which nothing is ever acknowledged',
  method: 'PUT',
  payloadHash: unsignedPayload,
  headers: ['Content-Length', String(uploadBytes)],
  atOnce: (head) => head,
  later: () => 'x'.repeat(uploadBytes),
  readsAtOnce: 2048,
  writesAtOnce: 64,
  betweenArrivalsMs: 20,
  isFelt: (client) => client.writtenBytes > 0,
}

/** `count` clients read the answers to GETs of these request targets, in turn, at 10 kB/s each. */
export function slowReaders(where: SlowClientsTarget, count: number, targets: readonly string[]): Fault {
  return slowClients(where, reading, count, targets)
}

/** `count` clients send the head of a GET at 5 bytes a second, and get to its end after minutes if they are let. */
export function slowRequests(where: SlowClientsTarget, count: number, targets: readonly string[]): Fault {
  return slowClients(where, asking, count, targets)
}

/** `count` clients PUT 1 MiB each at 320 bytes a second, to the targets in turn; they leave long before the end. */
export function slowUploads(where: SlowClientsTarget, count: number, targets: readonly string[]): Fault {
  return slowClients(where, uploading, count, targets)
}

function slowClients(
  where: SlowClientsTarget,
  habit: Habit,
  count: number,
  targets: readonly string[],
): Fault {
  let clients: SlowClient[] = []
  let timer: NodeJS.Timeout | undefined
  const beat = () => {
    for (const client of clients) client.beat()
  }
  return makeFault({
    name: habit.name,
    target: 'clients',
    evidence: habit.evidence,
    async apply() {
      const connect = connectorTo(where.entry)
      timer = setInterval(beat, beatMs)
      for (let i = 0; i < count && timer !== undefined; i++) {
        const head = headOf(where, habit, targets[i % targets.length]!)
        clients.push(new SlowClient(connect(), habit, head))
        await sleep(habit.betweenArrivalsMs)
      }
      const deadline = performance.now() + patienceMs
      while (performance.now() < deadline && !clients.every(habit.isFelt)) await sleep(beatMs / 4)
    },
    async undo() {
      clearInterval(timer)
      timer = undefined
      const felt = clients.filter(habit.isFelt).length
      for (const client of clients) client.leave()
      clients = []
      return felt
    },
  })
}

/** One of them, on a connection of its own. */
class SlowClient {
  readonly #socket: Socket
  readonly #habit: Habit
  #unsent: string
  #isConnected = false
  isOpen = true
  readBytes = 0
  writtenBytes = 0

  constructor(socket: Socket, habit: Habit, head: string) {
    this.#socket = socket
    this.#habit = habit
    this.#unsent = habit.later(head)
    socket.setNoDelay(true)
    socket.once(socket instanceof tls.TLSSocket ? 'secureConnect' : 'connect', () => {
      this.#isConnected = true
      socket.write(habit.atOnce(head), 'latin1')
    })
    socket.on('error', () => {})
    socket.once('close', () => {
      this.isOpen = false
    })
  }

  /** Without a `data` listener the socket reads no further ahead than its small buffer. */
  beat(): void {
    if (!this.#isConnected || !this.isOpen) return
    const { readsAtOnce, writesAtOnce } = this.#habit
    const piece: Buffer | null = this.#socket.read(Math.min(readsAtOnce, this.#socket.readableLength))
    this.readBytes += piece?.length ?? 0
    if (writesAtOnce === 0 || this.#unsent === '') return
    this.#socket.write(this.#unsent.slice(0, writesAtOnce), 'latin1')
    this.#unsent = this.#unsent.slice(writesAtOnce)
    this.writtenBytes += writesAtOnce
  }

  leave(): void {
    this.#socket.destroy()
  }
}

function connectorTo(entry: Endpoint): () => Socket {
  const url = new URL(entry.url)
  const host = url.hostname
  const port = Number(url.port || (url.protocol === 'https:' ? 443 : 80))
  if (url.protocol !== 'https:') return () => net.connect({ port, host })
  const options = tlsOptions(entry, host)
  return () => tls.connect({ ...options, host, port })
}

function headOf(where: SlowClientsTarget, habit: Habit, target: string): string {
  const { hostHeader, credentials } = where
  const { method, payloadHash } = habit
  const headers = ['Host', hostHeader]
  const nowMs = Date.now()
  const { region } = credentials
  const signed = signSigV4({
    ...{ method, target, headers, payloadHash, credentials, region },
    ...{ service: 's3', nowMs },
  })
  const all = [...headers, 'User-Agent', 'breakwater-slow', ...habit.headers, ...signed]
  let head = `${method} ${target} HTTP/1.1\r\n`
  for (let i = 0; i < all.length; i += 2) head += `${all[i]}: ${all[i + 1]}\r\n`
  return `${head}\r\n`
}
