// One request of the lean client and its answer, wherever it is carried.
import { ProxyError } from '../errors.ts'
import type { Signal } from '../object.ts'
import type { OriginRequest, Receiver } from '../ports.ts'
import { isSafe, originError } from './http-origin-errors.ts'
import type { WireClient, WireOptions } from './http-wire.ts'
import { aheadBytes, type BodySource, WholeBody, WireBody } from './http-wire-body.ts'
import type { WireConnection } from './http-wire-connection.ts'
import { type BodyReader, bodyReader } from './http-wire-framing.ts'
import { type AnswerHead, parseAnswerHead } from './http-wire-head.ts'
import { requestText } from './http-wire-request.ts'
import { leftBecause } from './stage-timers.ts'

const nothing = Buffer.alloc(0)

/** Told by its connection what comes; tells the receiver. */
export class WireExchange implements BodySource {
  readonly text: string
  connection: WireConnection | null = null
  isOver = false
  readonly #method: string
  readonly #options: WireOptions
  readonly #client: WireClient
  readonly #signal: Signal | undefined
  readonly #betweenBytesMs: number
  readonly #leave = (): void => this.#fail(leftBecause(this.#signal?.reason))
  readonly #receiver: Receiver
  #timer: NodeJS.Timeout | undefined
  #unread: Buffer = nothing
  #keepAlive = true
  #reader: BodyReader | null = null
  #body: WireBody | null = null

  /** Throws `bad-request` for what can't be written. */
  constructor(request: OriginRequest, receiver: Receiver, options: WireOptions, client: WireClient) {
    this.#method = request.method
    this.#receiver = receiver
    this.#options = options
    this.#client = client
    this.#signal = request.signal
    this.#betweenBytesMs = request.betweenBytesMs ?? options.betweenBytesMs
    this.text = requestText(request, options.host)
  }

  /** From now on its time runs, and its caller may end it. */
  start(firstByteMs: number): void {
    this.#startTimer(firstByteMs)
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
      if (head.status >= 200) return this.#begin(head, unread)
      unread = unread.subarray(head.end)
    }
  }

  /** Nothing more is read from a server whose head can't be trusted. */
  #refuse(because: string): null {
    const retryable = isSafe(this.#method)
    const fields = { code: 'bad-header', source: 'origin', retryable } as const
    this.#fail(new ProxyError(`the answer has ${because}`, fields))
    return null
  }

  #begin({ status, headers, received, framing, keepAlive, end }: AnswerHead, bytes: Buffer): Buffer | null {
    clearTimeout(this.#timer)
    this.#keepAlive = keepAlive
    if (typeof framing === 'number' && end + framing <= bytes.length) {
      const whole = Buffer.allocUnsafe(framing)
      bytes.copy(whole, 0, end, end + framing)
      this.#finish(end + framing === bytes.length)
      this.#receiver.answered({ status, headers, received, body: new WholeBody(whole), whole })
      return null
    }
    const rest = bytes.subarray(end)
    this.#reader = bodyReader(framing)
    this.#body = new WireBody(this, this.#betweenBytesMs)
    const response = { status, headers, received, body: this.#body }
    // The rest of a small body has often arrived, too: it is read first, so that the whole goes on in one write.
    if (typeof framing === 'number' && framing - rest.length <= aheadBytes)
      setImmediate(() => this.#receiver.answered(response))
    else this.#receiver.answered(response)
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
    this.#client.forget(this)
    this.connection?.release(false)
    if (this.#body === null) this.#receiver.failed(error)
    else this.#body.end(error)
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
