// A lean HTTP/1.1 client for reads from servers without TLS: the router's cache nodes. It exists for its cost: undici takes
// more CPU time for a small hit than the router and the cache node together. As strict as the path it replaces.
import type { OriginRequest, Receiver } from '../ports.ts'
import type { OpenSocket } from './connector.ts'
import { page, WireConnection } from './http-wire-connection.ts'
import { WireExchange } from './http-wire-exchange.ts'

export interface WireOptions {
  /** For messages. */
  readonly name: string
  /** Sent as Host where a request has none. */
  readonly host: string
  readonly firstByteMs: number
  readonly betweenBytesMs: number
  readonly maxConnections: number
  /** An idle connection is closed within a second of this time. */
  readonly keepAliveMs: number
}

const sweepMs = 1000

/** The connections to one server. What finds none free waits for one, first come, first served. */
export class WireClient {
  readonly #open: OpenSocket
  readonly #options: WireOptions
  readonly #all = new Set<WireConnection>()
  readonly #waiting = new Set<WireExchange>()
  /** The one used last is used next, so that those beyond need grow old and close. */
  #idle: WireConnection[] = []
  #connecting = 0
  #closed = false
  readonly #sweep: NodeJS.Timeout

  constructor(open: OpenSocket, options: WireOptions) {
    this.#open = open
    this.#options = options
    this.#sweep = setInterval(() => this.#sweepIdle(), sweepMs).unref()
  }

  /** Sends a request without a body. Fails with a ProxyError; see `Origin`. */
  send(request: OriginRequest, receiver: Receiver): void {
    let exchange: WireExchange
    try {
      exchange = new WireExchange(request, receiver, this.#options, this)
    } catch (error) {
      receiver.failed(error)
      return
    }
    exchange.start(request.firstByteMs ?? this.#options.firstByteMs)
    if (this.#closed) exchange.broken(new Error('the connections are closed'))
    if (!exchange.isOver) this.#carry(exchange)
  }

  #carry(exchange: WireExchange): void {
    const connection = this.#idle.pop()
    if (connection !== undefined) connection.carry(exchange)
    else {
      this.#waiting.add(exchange)
      this.#grow()
    }
  }

  /** A connection can carry the next request. */
  free(connection: WireConnection): void {
    const next = this.#takeWaiting()
    if (next === undefined) this.#idle.push(connection)
    else connection.carry(next)
  }

  /** A connection is gone. */
  lost(connection: WireConnection): void {
    this.#all.delete(connection)
    this.#idle = this.#idle.filter((one) => one !== connection)
    this.#grow()
  }

  /** An exchange ended before it had a connection, or with one. */
  forget(exchange: WireExchange): void {
    this.#waiting.delete(exchange)
  }

  close(): void {
    this.#closed = true
    clearInterval(this.#sweep)
    for (const connection of this.#all) connection.drop()
    for (const exchange of this.#waiting) exchange.broken(new Error('the connections are closed'))
  }

  /** Coarse, for all connections at once: no timer a request. */
  #sweepIdle(): void {
    for (const connection of this.#idle) connection.idleSweeps++
    const old = this.#idle.filter(({ idleSweeps }) => idleSweeps * sweepMs > this.#options.keepAliveMs)
    for (const connection of old) connection.drop()
  }

  /** Opens a connection when more requests wait than are being opened. */
  #grow(): void {
    const isFull = this.#all.size + this.#connecting >= this.#options.maxConnections
    if (this.#closed || isFull || this.#waiting.size <= this.#connecting) return
    this.#connecting++
    let connection: WireConnection | undefined
    const callback = (length: number, buffer: Uint8Array): true => {
      connection?.arrived(length, buffer as Buffer)
      return true
    }
    const buffer = () => connection?.nextBuffer() ?? page
    this.#open({ buffer, callback })
      .finally(() => this.#connecting--)
      .then(
        (socket) => {
          connection = new WireConnection(socket, this)
          this.#opened(connection)
        },
        (error) => this.#notOpened(error),
      )
  }

  #opened(connection: WireConnection): void {
    this.#all.add(connection)
    if (this.#closed) connection.drop()
    else this.free(connection)
  }

  #notOpened(error: unknown): void {
    this.#takeWaiting()?.broken(error)
    this.#grow()
  }

  #takeWaiting(): WireExchange | undefined {
    for (const exchange of this.#waiting) {
      this.#waiting.delete(exchange)
      return exchange
    }
  }
}
