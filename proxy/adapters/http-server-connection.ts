// One client connection on the fast path: plain GET and HEAD, parsed here, answered in order, one at a time.
// The first head that is not plain hands the socket, with every unread byte, to Node's own HTTP server.
import type { Socket } from 'node:net'
import { ProxyError } from '../errors.ts'
import {
  type Handler,
  type HeaderList,
  isLent,
  type ProxyRequest,
  type ProxyResponse,
  type Signal,
} from '../object.ts'
import type { Clock, Log } from '../ports.ts'
import { Stop } from '../router/stop.ts'
import { cancelBody, sendBody, writeBoth } from './http-server-body.ts'
import { headFacts, headText, isBodiless } from './http-server-head.ts'
import type { KnownHeads } from './http-server-known.ts'
import { sendLent } from './http-server-lent.ts'
import type { ParsedHead } from './http-server-parse.ts'
import { keepWhole, wholeAnswer } from './http-server-repeated.ts'

/** What connections share with the server that accepted them. */
export interface ConnectionHost {
  handler: Handler
  readonly clock: Clock
  readonly log: Log
  readonly maxHeaderBytes: number
  readonly maxHeaders: number
  readonly knownHeads: KnownHeads
  /** True from the beginning of a drain: answers say `Connection: close`. */
  readonly draining: boolean
  handOver(connection: Connection, unread: Buffer): void
  closed(connection: Connection): void
}

const nothing = Buffer.alloc(0)

class FastRequest implements ProxyRequest {
  readonly method: string
  readonly target: string
  readonly headers: HeaderList
  readonly body = null
  readonly receivedMs: number
  readonly clientAddress: string
  readonly isRepeated: boolean
  #gone: Stop | undefined

  constructor(head: ParsedHead, receivedMs: number, clientAddress: string) {
    this.method = head.method
    this.target = head.target
    this.headers = head.headers
    this.receivedMs = receivedMs
    this.clientAddress = clientAddress
    this.isRepeated = head.isKnown
  }

  /** Made on first use: a hit never asks. */
  get signal(): Signal {
    this.#gone ??= new Stop()
    return this.#gone
  }

  abort(): void {
    this.#gone ??= new Stop()
    this.#gone.abort()
  }
}

export class Connection {
  readonly socket: Socket
  readonly #host: ConnectionHost
  readonly #address: string
  #unread: Buffer = nothing
  /** The request being answered; none while the connection waits for a head. */
  #current: FastRequest | null = null
  #answering = false
  #ended = false
  #wake: (() => void) | null = null
  /** Monotonic time since which the connection waits for a head. */
  waitingSinceMs: number
  /** Monotonic time at which the first part of a head came; 0 while there is none. */
  headSinceMs = 0
  /** Answers whose writing was seen to make no progress: the sweep's notes. */
  lastProgress = 0
  stalledSinceMs = 0

  constructor(socket: Socket, host: ConnectionHost) {
    this.socket = socket
    this.#host = host
    this.#address = socket.remoteAddress ?? ''
    this.waitingSinceMs = host.clock.monotonicMs()
    socket.on('data', this.#onData)
    socket.on('drain', this.#onDrain)
    socket.on('end', this.#onEnd)
    socket.on('close', this.#onClose)
    socket.on('error', ignoreError)
  }

  /** A request is being answered. */
  get isAnswering(): boolean {
    return this.#answering
  }

  /** Part of a head has arrived. */
  get hasPartOfHead(): boolean {
    return !this.#answering && this.#unread.length > 0
  }

  #onData = (chunk: Buffer): void => {
    this.#unread = this.#unread.length === 0 ? chunk : Buffer.concat([this.#unread, chunk])
    if (this.#answering) this.socket.pause()
    else this.#answerAll()
  }

  #onDrain = (): void => {
    this.#wakeUp()
  }

  #onEnd = (): void => {
    this.#ended = true
    if (!this.#answering) this.socket.end()
  }

  #onClose = (): void => {
    this.#current?.abort()
    this.#wakeUp()
    this.#host.closed(this)
  }

  #wakeUp(): void {
    const wake = this.#wake
    this.#wake = null
    wake?.()
  }

  /** Answers the heads that have arrived, until one needs time. */
  #answerAll(): void {
    const { socket } = this
    while (!this.#answering && this.#unread.length > 0 && !socket.destroyed) {
      const parsed = this.#host.knownHeads.parse(this.#unread, this.#host.maxHeaders)
      const headBytes = parsed.kind === 'request' ? parsed.end : this.#unread.length
      const isForNode = parsed.kind === 'other' || headBytes > this.#host.maxHeaderBytes
      if (isForNode) this.#handOver()
      else if (parsed.kind === 'incomplete') this.headSinceMs ||= this.#host.clock.monotonicMs()
      if (isForNode || parsed.kind === 'incomplete') return
      this.headSinceMs = 0
      this.#answer(parsed)
    }
    if (this.#ended && !this.#answering) socket.end()
  }

  #answer(head: ParsedHead): void {
    this.#unread = head.end === this.#unread.length ? nothing : this.#unread.subarray(head.end)
    const request = new FastRequest(head, this.#host.clock.monotonicMs(), this.#address)
    this.waitingSinceMs = request.receivedMs
    const keepAlive = head.keepAlive && !this.#host.draining
    let answer: ProxyResponse | Promise<ProxyResponse>
    try {
      answer = this.#host.handler(request)
    } catch (error) {
      this.#fail(request, error)
      return
    }
    if (answer instanceof Promise) this.#answerLater(request, answer, keepAlive)
    else if (isAtHand(answer)) this.#sendAtOnce(request, answer, keepAlive)
    else this.#sendOn(request, this.#sendPieces(request, answer, keepAlive))
  }

  /** Head and whole body, with as few writes as there can be. */
  #sendAtOnce(request: FastRequest, answer: ProxyResponse, keepAlive: boolean): void {
    const { socket } = this
    const whole = keepAlive && request.method === 'GET' ? wholeAnswer(answer) : undefined
    if (whole !== undefined) {
      this.#continue(socket.write(whole))
      return
    }
    const body = answer.body as Uint8Array | null
    const bytes = body === null ? 0 : body.length
    const facts = answer.lines ?? headFacts(answer.headers)
    const bodiless = isBodiless(request.method, answer.status)
    if (!bodiless && facts.contentLength !== null && facts.contentLength !== bytes) {
      this.#fail(request, new Error(`a body of ${bytes} bytes under Content-Length ${facts.contentLength}`))
      return
    }
    const length = bodiless && body === null ? null : bytes
    const head = headText(answer, facts, 'length', length, keepAlive)
    let flowing: boolean
    if (bodiless || body === null || bytes === 0) flowing = socket.write(head, 'latin1')
    else if (answer.repeated && keepAlive) flowing = socket.write(keepWhole(answer, head, body))
    else flowing = writeBoth(socket, head, body)
    if (keepAlive) this.#continue(flowing)
    else this.#finish()
  }

  /** A client that asks ahead without reading is not answered ahead. */
  #continue(flowing: boolean): void {
    if (flowing || this.#unread.length === 0) return
    this.#answering = true
    this.socket.pause()
    this.#wake = () => this.#answered()
  }

  #answerLater(request: FastRequest, pending: Promise<ProxyResponse>, keepAlive: boolean): void {
    this.#answering = true
    this.#current = request
    // Not read on, lest the end of a half-closed connection is seen before a request that Node's parser must have.
    if (this.#unread.length > 0) this.socket.pause()
    pending.then(
      (answer) => this.#give(request, answer, keepAlive),
      (error) => this.#fail(request, error),
    )
  }

  /** The answer has come, later than its request. */
  #give(request: FastRequest, answer: ProxyResponse, keepAlive: boolean): void {
    if (this.socket.destroyed) {
      cancelBody(answer.body)
      return
    }
    if (isAtHand(answer)) {
      this.#sendAtOnce(request, answer, keepAlive)
      this.#answered()
      return
    }
    const sending = this.#sendPieces(request, answer, keepAlive)
    if (sending === null) this.#answered()
    else void sending.then(() => this.#answered())
  }

  /** Null when the system has taken all of it at once. */
  #sendPieces(request: FastRequest, answer: ProxyResponse, keepAlive: boolean): Promise<void> | null {
    const facts = answer.lines ?? headFacts(answer.headers)
    const bodiless = isBodiless(request.method, answer.status)
    const framing = bodiless ? 'none' : facts.contentLength === null ? 'chunked' : 'length'
    const head = headText(answer, facts, framing, null, keepAlive)
    const body = answer.body as Exclude<ProxyResponse['body'], Uint8Array | null>
    if (bodiless) {
      cancelBody(body)
      this.socket.write(head, 'latin1')
      if (!keepAlive) this.#finish()
      return null
    }
    const sending =
      isLent(body) && facts.contentLength !== null
        ? sendLent(this, body, facts.contentLength, head)
        : sendBody(this, body, framing, facts.contentLength, head)
    if (sending !== null) return this.#sent(request, sending, keepAlive)
    if (!keepAlive) this.#finish()
    return null
  }

  async #sent(request: FastRequest, sending: Promise<unknown>, keepAlive: boolean): Promise<void> {
    try {
      await sending
    } catch (error) {
      this.#cut(request, error)
    }
    if (!keepAlive) this.#finish()
  }

  /** Answers the next head when this answer has been sent, unless it has been already. */
  async #sendOn(request: FastRequest, sending: Promise<void> | null): Promise<void> {
    if (sending === null) return
    this.#answering = true
    this.#current = request
    if (this.#unread.length > 0) this.socket.pause()
    await sending
    this.#answered()
  }

  /** The answer is written: the next head may be answered. */
  #answered(): void {
    this.#current = null
    if (this.socket.destroyed) return
    this.#answering = false
    this.waitingSinceMs = this.#host.clock.monotonicMs()
    if (this.socket.isPaused()) this.socket.resume()
    this.#answerAll()
  }

  /** No more requests are answered on this connection. */
  #finish(): void {
    this.#unread = nothing
    this.#answering = true
    this.socket.end()
  }

  /** The handler failed before a head was sent: the client is told so and the connection closes. */
  #fail(request: FastRequest, error: unknown): void {
    if (this.socket.destroyed) return
    this.#host.log.error('a request failed inside the proxy', {
      target: request.target,
      error: String(error),
    })
    this.#answering = true
    this.socket.end(
      'HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\nConnection: close\r\n\r\n',
      'latin1',
    )
  }

  /** A body broke after its head: the connection is cut, so that a short body is never taken for a whole one. */
  #cut(request: FastRequest, error: unknown): void {
    const { socket } = this
    if (socket.destroyed) return
    const code = error instanceof ProxyError ? error.code : 'unexpected'
    this.#host.log.warn('an answer was cut', { target: request.target, code, error: String(error) })
    socket.destroy()
  }

  #handOver(): void {
    const { socket } = this
    socket.off('data', this.#onData)
    socket.off('drain', this.#onDrain)
    socket.off('end', this.#onEnd)
    socket.pause()
    const unread = this.#unread
    this.#unread = nothing
    this.#host.handOver(this, unread)
  }

  // The socket as a target of `sendBody`.
  get writable(): Socket {
    return this.socket
  }

  drained(): Promise<void> {
    if (this.socket.destroyed || !this.socket.writableNeedDrain) return Promise.resolve()
    return new Promise((resolve) => {
      this.#wake = resolve
    })
  }

  isGone(): boolean {
    return this.socket.destroyed
  }
}

/** Errors of a socket are told by its `close`. */
function ignoreError(): void {}

function isAtHand(answer: ProxyResponse): boolean {
  return answer.body === null || answer.body instanceof Uint8Array
}
