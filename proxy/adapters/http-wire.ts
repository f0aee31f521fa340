// A lean HTTP/1.1 client for reads from servers without TLS: the router's cache nodes. It exists for its cost: undici takes
// more CPU time for a small hit than the router and the cache node together. As strict as the path it replaces.
import type { Socket } from 'node:net'
import { ProxyError } from '../errors.ts'
import type { Signal } from '../object.ts'
import type { OriginRequest, OriginResponse } from '../ports.ts'
import type { OpenSocket } from './connector.ts'
import { isSafe, originError } from './http-origin-errors.ts'
import { aheadBytes, type BodySource, WholeBody, WireBody } from './http-wire-body.ts'
import { type BodyReader, bodyReader } from './http-wire-framing.ts'
import { type AnswerHead, parseAnswerHead } from './http-wire-head.ts'
import { requestText } from './http-wire-request.ts'
import { leftBecause } from './stage-timers.ts'

export interface WireOptions {
  /** For messages. */
  readonly name: string
  /** Sent as Host where a request has none. */
  readonly host: string
  readonly firstByteMs: number
  readonly betweenBytesMs: number
  readonly maxConnections: number
  /** An idle connection is closed after this time. */
  readonly keepAliveMs: number
}

const pageBytes = 64 * 1024
/** Heads and short bodies are read into this page on all connections, and copied where they are kept: no buffer is made for each read. */
const page = Buffer.allocUnsafeSlow(pageBytes)

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

  constructor(open: OpenSocket, options: WireOptions) {
    this.#open = open
    this.#options = options
  }

  /** Sends a request without a body. Rejects with a ProxyError; see `Origin`. */
  fetch(request: OriginRequest): Promise<OriginResponse> {
    let exchange: WireExchange
    try {
      exchange = new WireExchange(request, this.#options, this)
    } catch (error) {
      return Promise.reject(error)
    }
    if (this.#closed) exchange.broken(new Error('the connections are closed'))
    if (exchange.isOver) return exchange.answer
    const connection = this.#idle.pop()
    if (connection !== undefined) connection.carry(exchange)
    else {
      this.#waiting.add(exchange)
      this.#grow()
    }
    return exchange.answer
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
    for (const connection of this.#all) connection.drop()
    for (const exchange of this.#waiting) exchange.broken(new Error('the connections are closed'))
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
          connection = new WireConnection(socket, this, this.#options.keepAliveMs)
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

/** One connection; carries one request at a time. */
class WireConnection {
  readonly socket: Socket
  readonly #client: WireClient
  #exchange: WireExchange | null = null
  /** The buffer for what is left of a body. */
  #own: Buffer | null = null
  #isGone = false

  constructor(socket: Socket, client: WireClient, keepAliveMs: number) {
    this.socket = socket
    this.#client = client
    socket.on('end', () => this.drop())
    socket.on('error', (error) => this.drop(error))
    socket.on('close', () => this.drop())
    socket.setTimeout(keepAliveMs, () => this.#exchange === null && this.drop())
  }

  /** Bytes came. A buffer of its own is given on with what fills at least half of it: to copy that would cost more. */
  arrived(length: number, buffer: Buffer): void {
    const isGiven = buffer === this.#own && length >= pageBytes / 2
    if (isGiven) this.#own = null
    if (this.#exchange !== null) this.#exchange.take(buffer.subarray(0, length), isGiven)
    else this.drop() // an answer that nobody asked for
  }

  /** Where the next bytes are read to. */
  nextBuffer(): Buffer {
    if (this.#exchange?.isInBody !== true) this.#own = null
    else this.#own ??= Buffer.allocUnsafeSlow(pageBytes)
    return this.#own ?? page
  }

  carry(exchange: WireExchange): void {
    this.#exchange = exchange
    exchange.connection = this
    this.socket.write(exchange.text, 'latin1')
  }

  /** The exchange is over. */
  release(isReusable: boolean): void {
    this.#exchange = null
    if (!isReusable) this.drop()
    else if (!this.#isGone) {
      if (this.socket.isPaused()) this.socket.resume()
      this.#client.free(this)
    }
  }

  /** Closes the connection; an exchange on it has failed, unless this is how its body ends. */
  drop(error?: Error): void {
    if (this.#isGone) return
    this.#isGone = true
    this.#client.lost(this)
    this.socket.destroy()
    if (error !== undefined) this.#exchange?.broken(error)
    else this.#exchange?.connectionEnded()
  }
}

const nothing = Buffer.alloc(0)

/** One request and its answer. */
class WireExchange implements BodySource {
  readonly text: string
  readonly answer: Promise<OriginResponse>
  connection: WireConnection | null = null
  isOver = false
  readonly #method: string
  readonly #options: WireOptions
  readonly #client: WireClient
  readonly #signal: Signal | undefined
  readonly #betweenBytesMs: number
  readonly #leave = (): void => this.#fail(leftBecause(this.#signal?.reason))
  #resolve!: (response: OriginResponse) => void
  #reject!: (error: ProxyError) => void
  #timer: NodeJS.Timeout | undefined
  #unread: Buffer = nothing
  #keepAlive = true
  #reader: BodyReader | null = null
  #body: WireBody | null = null

  constructor(request: OriginRequest, options: WireOptions, client: WireClient) {
    this.#method = request.method
    this.#options = options
    this.#client = client
    this.#signal = request.signal
    this.#betweenBytesMs = request.betweenBytesMs ?? options.betweenBytesMs
    this.text = requestText(request, options.host)
    this.answer = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    this.#startTimer(request.firstByteMs ?? options.firstByteMs)
    if (this.#signal?.aborted) this.#leave()
    else this.#signal?.addEventListener('abort', this.#leave)
  }

  /** Bytes came on its connection: to be kept, or lent for the length of the call. */
  take(bytes: Buffer, isGiven: boolean): void {
    const rest = this.#reader === null ? this.#takeHead(bytes) : bytes
    if (rest !== null && !this.isOver) this.#takeBody(isGiven ? rest : Buffer.from(rest))
  }

  /** The head has come, and not yet all of the body. */
  get isInBody(): boolean {
    return this.#body !== null && !this.isOver
  }

  /** The connection ended without an error. */
  connectionEnded(): void {
    if (this.#reader?.endsWithConnection) this.#finish(false)
    else this.broken(new Error('the server closed the connection'))
  }

  /** The connection failed, or none could be had. */
  broken(cause: unknown): void {
    const stage = this.#body === null ? 'waiting' : 'body'
    this.#fail(originError(cause, { method: this.#method, stage, name: this.#options.name }))
  }

  /** The bytes behind the head; null when there are none yet. */
  #takeHead(bytes: Buffer): Buffer | null {
    let unread = this.#unread.length === 0 ? bytes : Buffer.concat([this.#unread, bytes])
    for (;;) {
      const head = parseAnswerHead(unread, this.#method)
      if (head.kind === 'fault') return this.#refuse(head.because)
      if (head.kind === 'incomplete') {
        this.#unread = Buffer.from(unread)
        return null
      }
      if (head.status === 101) return this.#refuse('an upgrade nobody asked for')
      unread = unread.subarray(head.end)
      if (head.status >= 200) return this.#begin(head, unread)
    }
  }

  /** Nothing more is read from a server whose head can't be trusted. */
  #refuse(because: string): null {
    const retryable = isSafe(this.#method)
    const fields = { code: 'bad-header', source: 'origin', retryable } as const
    this.#fail(new ProxyError(`the answer has ${because}`, fields))
    return null
  }

  #begin({ status, headers, framing, keepAlive }: AnswerHead, rest: Buffer): Buffer | null {
    clearTimeout(this.#timer)
    this.#keepAlive = keepAlive
    if (typeof framing === 'number' && framing <= rest.length) {
      const whole = Buffer.from(rest.subarray(0, framing))
      this.#finish(framing === rest.length)
      this.#resolve({ status, headers, body: new WholeBody(whole), whole })
      return null
    }
    this.#reader = bodyReader(framing)
    this.#body = new WireBody(this, this.#betweenBytesMs)
    const response = { status, headers, body: this.#body }
    // The rest of a small body has often arrived, too: it is read first, so that the whole goes on in one write.
    if (typeof framing === 'number' && framing - rest.length <= aheadBytes)
      setImmediate(() => this.#resolve(response))
    else this.#resolve(response)
    return rest.length > 0 ? rest : null
  }

  #takeBody(bytes: Buffer): void {
    try {
      const used = this.#reader!.feed(bytes, this.#body!)
      if (this.#reader!.ended) this.#finish(used === bytes.length)
    } catch (error) {
      this.broken(error)
    }
  }

  /** The answer has come whole. What came behind it answers nobody. */
  #finish(isLast: boolean): void {
    this.#end()
    this.#body?.end(null)
    this.connection!.release(this.#keepAlive && isLast)
  }

  #fail(error: ProxyError): void {
    if (this.isOver) return
    this.#end()
    if (this.#body === null) this.#reject(error)
    else this.#body.end(error)
    this.#client.forget(this)
    this.connection?.release(false)
  }

  #end(): void {
    this.isOver = true
    clearTimeout(this.#timer)
    this.#signal?.removeEventListener('abort', this.#leave)
  }

  /** What has arrived by then is read first: a process that was held up must not take its own delay for the server's. */
  #startTimer(ms: number): void {
    if (!Number.isFinite(ms)) return
    const expire = () => {
      if (this.#body !== null) return
      const retryable = isSafe(this.#method)
      const fields = { code: 'first-byte-timeout', source: 'origin', retryable } as const
      this.#fail(new ProxyError(`no answer within ${ms} ms`, fields))
    }
    this.#timer = setTimeout(() => setImmediate(expire), ms).unref()
  }

  // What feeds the body.
  pause(): void {
    if (!this.isOver) this.connection!.socket.pause()
  }

  resume(): void {
    if (!this.isOver) this.connection!.socket.resume()
  }

  leave(): void {
    this.#fail(leftBecause(undefined))
  }

  stoodStill(): void {
    const { name } = this.#options
    const fields = { code: 'between-bytes-timeout', source: 'origin' } as const
    this.#fail(new ProxyError(`${name}: the body stood still for ${this.#betweenBytesMs} ms`, fields))
  }
}
