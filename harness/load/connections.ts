// Connections of the load generator to one endpoint, one exchange at a time on each. Nothing is retried: a connection
// that broke is destroyed with all its state, and the exchange on it says how it ended.
import { readFileSync } from 'node:fs'
import net, { type Socket } from 'node:net'
import tls, { type TLSSocket } from 'node:tls'
import type { Endpoint } from './messages.ts'
import { BadResponse, type ResponseHead, ResponseReader } from './response-reader.ts'

/** An idle connection is not used again after this long: servers close theirs after about 5 s. */
const idleLimitMs = 4000

export interface ExchangeRequest {
  readonly method: string
  readonly target: string
  /** name, value, name, value …; Host included, Content-Length added when there is a body. */
  readonly headers: readonly string[]
  readonly body: Buffer | null
}

/** How an exchange ended on the wire; what the answer means is judged elsewhere. */
export type Ending =
  | { readonly kind: 'complete' }
  | {
      readonly kind: 'refused' | 'reset' | 'truncated' | 'nonsense' | 'timeout' | 'cancelled'
      readonly detail: string
    }

export interface ExchangeEvents {
  onHead(head: ResponseHead): void
  onBody(chunk: Buffer): void
  /** Exactly once, last. */
  onEnd(ending: Ending): void
}

export type Handshake = 'full' | 'resumed' | 'kept'

interface Idle {
  readonly socket: Socket
  readonly sinceMs: number
}

/** Opens, keeps and closes connections. */
export class Connections {
  readonly #host: string
  readonly #port: number
  readonly #tls: { ca: Buffer | undefined; servername: string } | null
  readonly #idle: Idle[] = []
  readonly #open = new Set<Socket>()
  #session: Buffer | undefined

  constructor(endpoint: Endpoint) {
    const url = new URL(endpoint.url)
    this.#host = url.hostname
    this.#port = Number(url.port || (url.protocol === 'https:' ? 443 : 80))
    const ca = endpoint.caFile === undefined ? undefined : readFileSync(endpoint.caFile)
    this.#tls = url.protocol === 'https:' ? { ca, servername: endpoint.serverName ?? url.hostname } : null
  }

  /** Sends a request; returns a function that ends the exchange as `cancelled`. */
  send(
    request: ExchangeRequest,
    timeoutMs: number,
    handshake: Handshake,
    events: ExchangeEvents,
  ): () => void {
    const socket = (handshake === 'kept' ? this.#takeIdle() : undefined) ?? this.#connect(handshake)
    const exchange = new Exchange(socket, request, timeoutMs, events, (reusable) => {
      if (reusable && handshake === 'kept') this.#idle.push({ socket, sinceMs: performance.now() })
      else socket.destroy()
    })
    return () => exchange.finish({ kind: 'cancelled', detail: 'the run ended' })
  }

  close(): void {
    for (const socket of this.#open) socket.destroy()
  }

  #takeIdle(): Socket | undefined {
    for (let idle = this.#idle.pop(); idle; idle = this.#idle.pop()) {
      if (!idle.socket.destroyed && performance.now() - idle.sinceMs < idleLimitMs) return idle.socket
      idle.socket.destroy()
    }
    return undefined
  }

  #connect(handshake: Handshake): Socket {
    const socket =
      this.#tls === null ? net.connect(this.#port, this.#host) : this.#connectTls(this.#tls, handshake)
    socket.setNoDelay(true)
    this.#open.add(socket)
    // Between exchanges nobody else listens: a peer that closes or breaks an idle connection is only forgotten.
    socket.on('error', () => {})
    socket.on('end', () => socket.destroy())
    socket.once('close', () => this.#open.delete(socket))
    return socket
  }

  #connectTls(
    { ca, servername }: { ca: Buffer | undefined; servername: string },
    handshake: Handshake,
  ): TLSSocket {
    const session = handshake === 'full' ? undefined : this.#session
    const socket = tls.connect({
      port: this.#port,
      host: this.#host,
      servername,
      ca,
      ...(session && { session }),
    })
    socket.on('session', (fresh) => {
      this.#session = fresh
    })
    return socket
  }
}

/** One request and its response on a connection. */
class Exchange {
  readonly #socket: Socket
  readonly #reader: ResponseReader
  readonly #events: ExchangeEvents
  readonly #release: (reusable: boolean) => void
  readonly #timer: NodeJS.Timeout
  #hasHead = false
  #keepAlive = false
  #isOver = false
  #error: NodeJS.ErrnoException | null = null

  constructor(
    socket: Socket,
    request: ExchangeRequest,
    timeoutMs: number,
    events: ExchangeEvents,
    release: (reusable: boolean) => void,
  ) {
    this.#socket = socket
    this.#events = events
    this.#release = release
    this.#reader = new ResponseReader(
      {
        onHead: (head) => {
          this.#hasHead = true
          this.#keepAlive = head.keepAlive
          events.onHead(head)
        },
        onBody: (chunk) => events.onBody(chunk),
        onEnd: () => this.finish({ kind: 'complete' }),
      },
      request.method,
    )
    const detail = `not complete after ${timeoutMs} ms`
    this.#timer = setTimeout(() => this.finish({ kind: 'timeout', detail }), timeoutMs)
    socket
      .on('data', this.#onData)
      .on('error', this.#onError)
      .on('close', this.#onClose)
      .on('end', this.#onPeerEnd)
    socket.write(headOf(request))
    if (request.body !== null && request.body.length > 0) socket.write(request.body)
  }

  /** Ends the exchange, unless it has ended. */
  finish(ending: Ending): void {
    if (this.#isOver) return
    this.#isOver = true
    clearTimeout(this.#timer)
    const socket = this.#socket
    socket
      .off('data', this.#onData)
      .off('error', this.#onError)
      .off('close', this.#onClose)
      .off('end', this.#onPeerEnd)
    this.#release(ending.kind === 'complete' && this.#keepAlive && !socket.destroyed)
    this.#events.onEnd(ending)
  }

  readonly #onData = (chunk: Buffer): void => {
    try {
      this.#reader.feed(chunk)
    } catch (error) {
      if (!(error instanceof BadResponse)) throw error
      this.finish({ kind: 'nonsense', detail: error.message })
    }
  }

  readonly #onError = (error: NodeJS.ErrnoException): void => {
    this.#error = error
  }

  readonly #onPeerEnd = (): void => {
    if (!this.#reader.endsByClose()) this.finish(this.#broken('closed by the peer'))
  }

  readonly #onClose = (): void => {
    this.finish(this.#broken(this.#error?.code ?? this.#error?.message ?? 'closed'))
  }

  #broken(detail: string): Ending {
    if (this.#hasHead) return { kind: 'truncated', detail: `${detail} within the body` }
    if (this.#error?.code === 'ECONNREFUSED') return { kind: 'refused', detail }
    return { kind: 'reset', detail: `${detail} before an answer` }
  }
}

function headOf({ method, target, headers, body }: ExchangeRequest): string {
  let head = `${method} ${target} HTTP/1.1\r\n`
  for (let i = 0; i < headers.length; i += 2) head += `${headers[i]}: ${headers[i + 1]}\r\n`
  if (body !== null) head += `Content-Length: ${body.length}\r\n`
  return `${head}\r\n`
}
