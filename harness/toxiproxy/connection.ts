// One client of a proxy with its own connection to the upstream: two links, one a direction.
import { connect, type Socket } from 'node:net'
import type { Address } from './address.ts'
import { Link } from './link.ts'
import type { Traffic } from './metrics.ts'
import { randomFor } from './random.ts'
import { type Direction, directions, type Toxic } from './toxics/toxic.ts'

/** What is on its way inside a socket before its sender has to wait. */
export const socketBufferBytes = 256 * 1024

/** What the API tells of one direction of a connection. */
interface LinkView {
  readonly receivedBytes: number
  readonly sentBytes: number
  /** Chunks and closes touched, by toxic. */
  readonly toxics: Readonly<Record<string, number>>
}

export type ConnectionView = {
  readonly id: number
  readonly client: string
  readonly openedAt: string
} & Readonly<Record<Direction, LinkView>>

export interface ConnectionOptions {
  readonly id: number
  readonly seed: number
  readonly proxy: string
  readonly client: Socket
  readonly upstream: Address
  /** Time that connecting takes, as on a link with this round trip, ms. */
  readonly connectDelayMs: number
  readonly traffic: Readonly<Record<Direction, Traffic>>
  /** The chain of toxics as it is once the upstream is connected. */
  readonly toxics: (direction: Direction) => readonly Toxic[]
  readonly onClose: (connection: Connection) => void
}

export class Connection {
  readonly #options: ConnectionOptions
  readonly #openedAt = new Date().toISOString()
  readonly #clientAddress: string
  #server: Socket | undefined
  #links: Record<Direction, Link> | undefined
  #delay: NodeJS.Timeout | undefined
  #closed = false
  #upstreamFailed = false

  constructor(options: ConnectionOptions) {
    this.#options = options
    const { client, connectDelayMs } = options
    this.#clientAddress = `${client.remoteAddress}:${client.remotePort}`
    client.on('error', () => {})
    client.on('close', () => this.#onSocketClose())
    if (connectDelayMs > 0) this.#delay = setTimeout(() => this.#dial(), connectDelayMs)
    else this.#dial()
  }

  /** Unlike Toxiproxy's, this dial holds up nobody but its own client. A failure closes the client, who had been accepted. */
  #dial(): void {
    const { client, upstream } = this.#options
    if (client.destroyed) return
    const options = { allowHalfOpen: true, noDelay: true, highWaterMark: socketBufferBytes }
    const server = connect({ ...options, port: upstream.port, host: upstream.host || '127.0.0.1' })
    this.#server = server
    server.pause()
    server.on('error', () => {
      if (this.#links === undefined) this.#upstreamFailed = true
    })
    server.on('close', () => this.#onSocketClose())
    server.once('connect', () => this.#join(client, server))
  }

  #join(client: Socket, server: Socket): void {
    this.#links = {
      upstream: this.#link('upstream', client, server),
      downstream: this.#link('downstream', server, client),
    }
    for (const direction of directions) this.#links[direction].start(this.#options.toxics(direction))
  }

  #link(direction: Direction, source: Socket, dest: Socket): Link {
    const { id, proxy, seed, traffic } = this.#options
    return new Link({
      direction,
      source,
      dest,
      traffic: traffic[direction],
      random: (toxic) => randomFor(seed, proxy, id, toxic.name),
      onReset: () => this.#reset(),
    })
  }

  /** A side that closes before the two were joined takes the other with it; afterwards the links see to that. */
  #onSocketClose(): void {
    const { client, onClose } = this.#options
    if (this.#links === undefined) this.destroy()
    if (this.#closed || !client.destroyed || this.#server?.destroyed === false) return
    this.#closed = true
    onClose(this)
  }

  #reset(): void {
    this.#options.client.resetAndDestroy()
    this.#server?.resetAndDestroy()
  }

  /** The upstream could not be connected. */
  get upstreamFailed(): boolean {
    return this.#upstreamFailed
  }

  /** Cuts the connection. */
  destroy(): void {
    clearTimeout(this.#delay)
    this.#options.client.destroy()
    this.#server?.destroy()
  }

  /** The link of this direction, once the upstream is connected. */
  link(direction: Direction): Link | undefined {
    return this.#links?.[direction]
  }

  view(): ConnectionView {
    const { id } = this.#options
    const [upstream, downstream] = directions.map((direction) => this.#viewLink(direction)) as [
      LinkView,
      LinkView,
    ]
    return { id, client: this.#clientAddress, openedAt: this.#openedAt, upstream, downstream }
  }

  #viewLink(direction: Direction): LinkView {
    const link = this.#links?.[direction]
    if (link === undefined) return { receivedBytes: 0, sentBytes: 0, toxics: {} }
    return { receivedBytes: link.receivedBytes, sentBytes: link.sentBytes, toxics: link.hits() }
  }
}
