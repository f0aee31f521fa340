// Uploads whose client waits to hear that its body is wanted (Expect: 100-continue): the head goes on alone, and the
// client is asked for the body when the server asks for it, so that one that is refused is never sent (RFC 9110 §10.1.1).
// Through Node's client: undici takes a 100 for an error.
import { Agent, type ClientRequest, type IncomingMessage, request as startRequest } from 'node:http'
import type { Duplex } from 'node:stream'
import { type Body, type HeaderList, headerValue } from '../object.ts'
import type { OriginRequest, OriginResponse } from '../ports.ts'
import type { OpenSocket } from './connector.ts'
import { OriginBody } from './http-origin-body.ts'
import { isSafe, originError } from './http-origin-errors.ts'
import { badHead, headFault } from './http-origin-head.ts'
import { FirstByteTimer } from './stage-timers.ts'

export interface ExpectOptions {
  /** For messages. */
  readonly name: string
  readonly firstByteMs: number
  readonly betweenBytesMs: number
  readonly maxConnections: number
  readonly maxHeaderBytes: number
  /** An idle connection is closed after this time. */
  readonly keepAliveMs: number
}

/** A server that says neither yes nor no gets the body after this time, from when it has the head: some know no 100. */
const continueMs = 300

type Upload = OriginRequest & { readonly body: Body }

export function expectsContinue(request: OriginRequest): request is Upload {
  return request.body !== null && headerValue(request.headers, 'expect')?.toLowerCase() === '100-continue'
}

export class ExpectClient {
  readonly #options: ExpectOptions
  readonly #agent: Agent

  constructor(open: OpenSocket, options: ExpectOptions) {
    this.#options = options
    this.#agent = new OpeningAgent(open, options)
  }

  /** `headers`: those to send, without Expect. Rejects with a ProxyError; see `Origin`. */
  fetch(request: Upload, headers: HeaderList): Promise<OriginResponse> {
    const ask = () => new ExpectExchange(request, headers, this.#options, this.#agent)
    const first = ask()
    return first.answer().catch((error) => {
      if (!first.metDyingConnection) throw error
      return ask().answer()
    })
  }

  close(): void {
    this.#agent.destroy()
  }
}

class OpeningAgent extends Agent {
  readonly #open: OpenSocket

  constructor(open: OpenSocket, { maxConnections, keepAliveMs }: ExpectOptions) {
    super({ keepAlive: true, maxSockets: maxConnections, timeout: keepAliveMs })
    this.#open = open
  }

  override createConnection(
    _options: unknown,
    callback?: (error: Error | null, socket: Duplex) => void,
  ): undefined {
    this.#open().then(
      // A head with Expect goes out by itself, which Node does without naming its encoding: UTF-8, for byte strings.
      (socket) => callback?.(null, socket.setDefaultEncoding('latin1')),
      (error) => callback?.(error, undefined as never),
    )
  }
}

/** One upload. */
class ExpectExchange {
  readonly #request: Upload
  readonly #options: ExpectOptions
  readonly #timer: FirstByteTimer
  readonly #sent: ClientRequest
  #begun = false
  #answered = false
  #heardHead = false

  constructor(request: Upload, headers: HeaderList, options: ExpectOptions, agent: Agent) {
    const { method, target } = request
    this.#request = request
    this.#options = options
    this.#timer = new FirstByteTimer(
      request.firstByteMs ?? options.firstByteMs,
      isSafe(method),
      request.signal,
    )
    this.#sent = startRequest({
      ...{ agent, method, path: target, setHost: false, maxHeaderSize: options.maxHeaderBytes },
      // As the client wrote it: the AWS SDK for Go (v1) signs its `100-Continue` when it sends a part once more.
      headers: [...headers, 'Expect', headerValue(request.headers, 'expect')!],
      signal: this.#timer.signal,
    })
  }

  /** An idle connection was closed just as the head went out on it: nothing has happened yet. */
  get metDyingConnection(): boolean {
    return this.#sent.reusedSocket && !this.#begun && !this.#heardHead && !this.#timer.signal.aborted
  }

  async answer(): Promise<OriginResponse> {
    const sent = this.#sent
    let patience: NodeJS.Timeout | undefined
    sent.once('socket', () => {
      patience = setTimeout(() => this.#begin(), continueMs)
    })
    sent.once('continue', () => this.#begin())
    try {
      const response = await new Promise<IncomingMessage>((resolve, reject) => {
        sent.once('response', resolve)
        sent.on('error', reject)
        sent.flushHeaders()
      })
      this.#heardHead = true
      return this.#heard(response)
    } catch (error) {
      throw this.#failure(error)
    } finally {
      this.#answered = true
      clearTimeout(patience)
      this.#timer.stop()
    }
  }

  #begin(): void {
    if (this.#begun || this.#answered) return
    this.#begun = true
    void this.#upload().catch((error) => this.#sent.destroy(error))
  }

  async #upload(): Promise<void> {
    const sent = this.#sent
    for await (const chunk of this.#timer.after(this.#request.body)) {
      if (this.#answered || sent.destroyed) return
      if (!sent.write(chunk)) await drained(sent)
    }
    sent.end()
  }

  /** Before its body the request can't have acted, whatever became of it. */
  #failure(error: unknown): Error {
    const { signal } = this.#timer
    const { method } = this.#request
    const stage = this.#begun ? 'waiting' : 'connecting'
    this.#sent.destroy()
    return originError(signal.aborted ? signal.reason : error, { method, stage, name: this.#options.name })
  }

  #heard(response: IncomingMessage): OriginResponse {
    const { method, betweenBytesMs = this.#options.betweenBytesMs } = this.#request
    const headers = response.rawHeaders
    const fault = headFault(headers)
    if (fault !== null) throw badHead(fault, response, method)
    // What is left of a body that was not wanted would be taken for the next request's head.
    response.once('end', () => this.#sent.writableEnded || this.#sent.destroy())
    const body = new OriginBody(response, method, this.#options.name, betweenBytesMs)
    return { status: response.statusCode ?? 0, headers, body }
  }
}

function drained(sent: ClientRequest): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      sent.off('drain', done)
      sent.off('close', done)
      resolve()
    }
    sent.on('drain', done)
    sent.on('close', done)
  })
}
