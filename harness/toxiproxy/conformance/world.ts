// What the conformance rows need: a Toxiproxy of either kind, plain HTTP to its API, and TCP on both sides of a proxy.
import { once } from 'node:events'
import { request as httpRequest } from 'node:http'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { findProgram, openToxiproxy } from '../find.ts'

export interface Target {
  readonly kind: 'embedded' | 'real'
  readonly url: string
  stop(): Promise<void>
}

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: string
}

/** A real server from BREAKWATER_TOXIPROXY, .tools/bin or PATH; undefined when there is none. */
export function realProgram(): string | undefined {
  try {
    return findProgram(process.env.BREAKWATER_TOXIPROXY || 'toxiproxy-server')
  } catch {
    return undefined
  }
}

export function openTarget(choice: string, logDir: string): Promise<Target> {
  return openToxiproxy(choice, { seed: 1, logDir })
}

/** One request as written: no client library between the row and the wire. */
export async function send(
  target: Target,
  [method, path, body]: Request,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const request = httpRequest(target.url, { method, path, headers, agent: false })
  request.end(body)
  const [response] = await once(request, 'response')
  const chunks: Buffer[] = []
  for await (const chunk of response) chunks.push(chunk)
  return { status: response.statusCode, headers: response.headers, body: Buffer.concat(chunks).toString() }
}

export type Request = readonly [method: string, path: string, body?: string]

/** Sends and parses; throws when the API refuses. Rows know what they asked for. */
// biome-ignore lint/suspicious/noExplicitAny: JSON of the answer, whose shape other rows check.
export async function api(target: Target, ...request: Request): Promise<any> {
  const { status, body } = await send(target, request)
  if (status >= 300) throw new Error(`${request.join(' ')}: ${status} ${body}`)
  return body === '' ? undefined : JSON.parse(body)
}

export async function deleteAll(target: Target): Promise<void> {
  for (const name of Object.keys(await api(target, 'GET', '/proxies'))) {
    await send(target, ['DELETE', `/proxies/${encodeURIComponent(name)}`])
  }
}

/** A TCP server on a free port, with all its connections, closed with it. */
export interface Upstream {
  readonly address: string
  readonly sockets: readonly Socket[]
  /** The next connection to arrive that nobody has asked for yet. */
  nextSocket(): Promise<Socket>
  close(): Promise<void>
}

export async function upstream(onSocket: (socket: Socket) => void = () => {}): Promise<Upstream> {
  const sockets: Socket[] = []
  const server = createServer((socket) => {
    socket.on('error', () => {})
    sockets.push(socket)
    onSocket(socket)
    server.emit('arrived')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  let taken = 0
  return {
    address: addressOf(server),
    sockets,
    async nextSocket() {
      while (sockets.length <= taken) await once(server, 'arrived')
      return sockets[taken++]!
    },
    async close() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** Sends back what it gets. */
export const echo = (): Promise<Upstream> => upstream((socket) => socket.pipe(socket))

export function addressOf(server: Server): string {
  const { address, port } = server.address() as AddressInfo
  return `${address}:${port}`
}

/** A connected client with everything it has received, and how it ended: 'FIN', an error code, or undefined so far. */
export interface Client {
  readonly socket: Socket
  readonly received: () => Buffer
  readonly ended: Promise<string>
  /** Resolves once at least so many bytes are here; rejects when the connection ends before. */
  receive(bytes: number): Promise<Buffer>
}

export async function client(address: string): Promise<Client> {
  const socket = connect({
    host: address.replace(/:\d+$/, ''),
    port: Number(/\d+$/.exec(address)![0]),
    noDelay: true,
  })
  const chunks: Buffer[] = []
  let bytesHere = 0
  socket.on('data', (chunk) => {
    chunks.push(chunk)
    bytesHere += chunk.length
  })
  const received = () => Buffer.concat(chunks)
  const ended = new Promise<string>((resolve) => {
    socket.on('end', () => resolve('FIN'))
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
  })
  await once(socket, 'connect')
  const receive = async (bytes: number): Promise<Buffer> => {
    while (bytesHere < bytes) {
      const how = await Promise.race([once(socket, 'data').then(() => undefined), ended])
      if (how !== undefined && bytesHere < bytes) throw new Error(`${how} after ${bytesHere} bytes`)
    }
    return received()
  }
  return { socket, received, ended, receive }
}
