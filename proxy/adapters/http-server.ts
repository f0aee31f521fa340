// The proxy's HTTP server: one port, a fast path for plain GET and HEAD and Node's own server for all else.
// Knows sockets, limits and draining; what is answered is the handler's business.
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net'
import { ProxyError } from '../errors.ts'
import type { Handler } from '../object.ts'
import type { Clock, Log } from '../ports.ts'
import { Connection, type ConnectionHost } from './http-server-connection.ts'
import { createFullServer } from './http-server-full.ts'
import { KnownHeads } from './http-server-known.ts'

export interface HttpServerLimits {
  readonly maxConnections: number
  readonly maxHeaderBytes: number
  readonly maxHeaders: number
  /** A head must be complete within this time of its first byte. */
  readonly headTimeoutMs: number
  /** A connection without a request is closed after this time. */
  readonly keepAliveMs: number
  /** A client that takes no byte of an answer, or sends none of its body, for this time is cut off. */
  readonly stallTimeoutMs: number
}

export const defaultLimits: HttpServerLimits = {
  maxConnections: 10_000,
  maxHeaderBytes: 64 * 1024,
  maxHeaders: 200,
  headTimeoutMs: 10_000,
  keepAliveMs: 75_000,
  stallTimeoutMs: 60_000,
}

export interface HttpServerOptions {
  readonly host: string
  /** 0 takes a free port. */
  readonly port: number
  readonly handler: Handler
  readonly clock: Clock
  readonly log: Log
  readonly limits?: Partial<HttpServerLimits>
}

export interface HttpServer {
  readonly host: string
  readonly port: number
  /** `host:port`, as a client would write it. */
  readonly address: string
  /** Answers requests with another handler from now on; those under way keep theirs. */
  use(handler: Handler): void
  connections(): number
  /** Takes no new connection, answers what is asked, closes each connection behind its answer; after `graceMs` cuts what is left. */
  drain(graceMs: number): Promise<void>
  /** Cuts every connection. */
  close(): Promise<void>
}

const sweepIntervalMs = 1000

/** Listens, or rejects with ProxyError `listen-failed`. */
export async function startHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const server = new Listener(options)
  await server.listen()
  return server
}

class Listener implements HttpServer, ConnectionHost {
  handler: Handler
  draining = false
  readonly clock: Clock
  readonly log: Log
  readonly maxHeaderBytes: number
  readonly maxHeaders: number
  readonly knownHeads = new KnownHeads()
  readonly host: string
  port: number
  readonly #limits: HttpServerLimits
  readonly #tcp
  readonly #full
  readonly #fast = new Set<Connection>()
  readonly #handedOver = new Map<Socket, Connection>()
  #sweep: NodeJS.Timeout | undefined

  constructor(options: HttpServerOptions) {
    this.#limits = { ...defaultLimits, ...options.limits }
    this.handler = options.handler
    this.clock = options.clock
    this.log = options.log
    this.host = options.host
    this.port = options.port
    this.maxHeaderBytes = this.#limits.maxHeaderBytes
    this.maxHeaders = this.#limits.maxHeaders
    this.#full = createFullServer(this, this.#limits)
    this.#tcp = createTcpServer({ allowHalfOpen: true, noDelay: true, highWaterMark: 256 * 1024 }, (socket) =>
      this.#accept(socket),
    )
  }

  get address(): string {
    return this.host.includes(':') ? `[${this.host}]:${this.port}` : `${this.host}:${this.port}`
  }

  async listen(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#tcp.once('error', (cause: NodeJS.ErrnoException) => reject(listenError(this.address, cause)))
      this.#tcp.listen({ host: this.host, port: this.port, backlog: 4096 }, resolve)
    })
    this.#tcp.on('error', (error) => this.log.error('accepting connections failed', { error: String(error) }))
    this.port = (this.#tcp.address() as AddressInfo).port
    this.#sweep = setInterval(() => this.#sweepAll(), sweepIntervalMs)
    this.#sweep.unref()
  }

  use(handler: Handler): void {
    this.handler = handler
  }

  connections(): number {
    return this.#fast.size + this.#handedOver.size
  }

  #accept(socket: Socket): void {
    if (this.connections() >= this.#limits.maxConnections) refuseConnection(socket)
    else this.#fast.add(new Connection(socket, this))
  }

  handOver(connection: Connection, unread: Buffer): void {
    const { socket } = connection
    this.#fast.delete(connection)
    this.#handedOver.set(socket, connection)
    socket.unshift(unread)
    this.#full.emit('connection', socket)
    socket.resume()
  }

  closed(connection: Connection): void {
    this.#fast.delete(connection)
    this.#handedOver.delete(connection.socket)
  }

  /** Coarse timeouts for all connections at once: no timer a request. */
  #sweepAll(): void {
    const now = this.clock.monotonicMs()
    for (const connection of this.#fast) this.#sweepFast(connection, now)
    for (const connection of this.#handedOver.values()) this.#sweepStalled(connection, now)
  }

  #sweepFast(connection: Connection, now: number): void {
    if (connection.isAnswering || connection.socket.writableLength > 0) {
      this.#sweepStalled(connection, now)
      return
    }
    if (connection.hasPartOfHead) {
      if (now - connection.headSinceMs > this.#limits.headTimeoutMs) endLate(connection.socket)
    } else if (now - connection.waitingSinceMs > this.#limits.keepAliveMs) connection.socket.destroy()
  }

  /** Cuts a client that has bytes to take and takes none. */
  #sweepStalled(connection: Connection, now: number): void {
    const { socket } = connection
    const progress = socket.bytesWritten - socket.writableLength + socket.bytesRead
    if (socket.writableLength === 0 || progress !== connection.lastProgress) {
      connection.lastProgress = progress
      connection.stalledSinceMs = now
    } else if (now - connection.stalledSinceMs > this.#limits.stallTimeoutMs) {
      this.log.warn('a client stopped reading and was cut off', { client: socket.remoteAddress })
      socket.destroy()
    }
  }

  async drain(graceMs: number): Promise<void> {
    this.draining = true
    const closed = new Promise<void>((resolve) => this.#tcp.close(() => resolve()))
    const cut = setTimeout(() => this.#cutAll(), graceMs)
    const idle = setTimeout(() => this.#closeIdle(), Math.min(graceMs / 2, idleGraceMs))
    await closed
    clearTimeout(cut)
    clearTimeout(idle)
    clearInterval(this.#sweep)
  }

  /** Connections that asked nothing since the drain began. */
  #closeIdle(): void {
    for (const connection of this.#fast) {
      if (!connection.isAnswering && !connection.hasPartOfHead) connection.socket.end()
    }
    this.#full.closeIdleConnections()
  }

  #cutAll(): void {
    for (const connection of [...this.#fast, ...this.#handedOver.values()]) connection.socket.destroy()
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#tcp.close(() => resolve()))
    this.#cutAll()
    clearInterval(this.#sweep)
    await closed
  }
}

/** In a drain an idle client gets this long to ask once more, and be told to close, before its connection is ended. */
const idleGraceMs = 1000

function listenError(address: string, cause: NodeJS.ErrnoException): ProxyError {
  const why =
    cause.code === 'EADDRINUSE'
      ? 'the port is taken; choose another in `listen` or stop what uses it'
      : cause.code === 'EACCES'
        ? 'not permitted; choose a port above 1023'
        : cause.message
  return new ProxyError(`Can't listen on ${address}: ${why}`, {
    code: 'listen-failed',
    source: 'config',
    cause,
  })
}

function refuseConnection(socket: Socket): void {
  socket.on('error', () => {})
  socket.end(
    'HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n',
  )
  socket.resume()
}

function endLate(socket: Socket): void {
  socket.end('HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n', () =>
    socket.destroy(),
  )
}
