// The connections of the load generator to one endpoint. Every request gets one at once, idle or new: there is no queue
// and no limit here, so nothing but the system under test can make a request wait.
import { readFileSync } from 'node:fs'
import net, { type Socket } from 'node:net'
import tls from 'node:tls'
import { Connection, type ExchangeEvents, type ExchangeRequest } from './connection.ts'
import type { ColdPhase, Endpoint } from './messages.ts'

/** An idle connection is not used again after this long: servers close theirs after about 5 s. */
const idleLimitMs = 4000

export type Handshake = ColdPhase['handshake']

export class Connections {
  readonly #host: string
  readonly #port: number
  readonly #tls: tls.ConnectionOptions | null
  readonly #open = new Set<Connection>()
  /** The last to become idle is the first to be used, so that surplus ones age and go. */
  readonly #idle: Connection[] = []
  #session: Buffer | undefined

  constructor(endpoint: Endpoint) {
    const url = new URL(endpoint.url)
    this.#host = url.hostname
    this.#port = Number(url.port || (url.protocol === 'https:' ? 443 : 80))
    this.#tls = url.protocol === 'https:' ? tlsOptions(endpoint, url.hostname) : null
  }

  /** Sends a request; returns a function that ends the exchange as `cancelled`. */
  send(
    request: ExchangeRequest,
    timeoutMs: number,
    handshake: Handshake,
    events: ExchangeEvents,
  ): () => void {
    const connection = (handshake === 'kept' ? this.#takeIdle() : undefined) ?? this.#connect(handshake)
    connection.send(request, timeoutMs, events)
    return () => connection.end({ kind: 'cancelled', detail: 'the run ended' })
  }

  close(): void {
    for (const connection of this.#open) connection.end({ kind: 'cancelled', detail: 'the run ended' })
  }

  #takeIdle(): Connection | undefined {
    for (let idle = this.#idle.pop(); idle; idle = this.#idle.pop()) {
      if (performance.now() - idle.idleSinceMs < idleLimitMs) return idle
      idle.end({ kind: 'complete' })
    }
    return undefined
  }

  #connect(handshake: Handshake): Connection {
    const socket = this.#openSocket(handshake === 'full' ? undefined : this.#session)
    const connection = new Connection(
      socket,
      this.#tls === null ? 'connect' : 'secureConnect',
      handshake === 'kept' ? (it) => this.#idle.push(it) : (it) => it.end({ kind: 'complete' }),
    )
    this.#open.add(connection)
    socket.once('close', () => this.#forget(connection))
    return connection
  }

  #forget(connection: Connection): void {
    this.#open.delete(connection)
    const at = this.#idle.indexOf(connection)
    if (at >= 0) this.#idle.splice(at, 1)
  }

  #openSocket(session: Buffer | undefined): Socket {
    if (this.#tls === null) return net.connect(this.#port, this.#host)
    const options = { ...this.#tls, host: this.#host, port: this.#port }
    return tls.connect(session === undefined ? options : { ...options, session }).on('session', (fresh) => {
      this.#session = fresh
    })
  }
}

/** The authority's file is read and its store built once, not for each connection. */
export function tlsOptions({ caFile, serverName }: Endpoint, hostname: string): tls.ConnectionOptions {
  const secureContext = tls.createSecureContext(caFile === undefined ? {} : { ca: readFileSync(caFile) })
  const name = serverName ?? hostname
  // An address is no server name (RFC 6066); Node checks the certificate against the host then.
  return net.isIP(name) ? { secureContext } : { secureContext, servername: name }
}
