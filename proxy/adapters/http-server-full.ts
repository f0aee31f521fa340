// The full path of the server: requests with bodies and whatever else is not a plain GET or HEAD, read by Node's own
// strict HTTP server, checked once more on the raw headers, and answered through the same handler.
import { createServer, type IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import { ProxyError } from '../errors.ts'
import type { Body, HeaderList, ProxyRequest, ProxyResponse } from '../object.ts'
import { type BodyTarget, cancelBody, sendBody } from './http-server-body.ts'
import type { ConnectionHost } from './http-server-connection.ts'
import { dateNow, headFacts, isBodiless, isOwnedByServer } from './http-server-head.ts'
import { findFault, originForm, type Refusal } from './http-server-strict.ts'
import { SilenceTimer } from './stage-timers.ts'

export interface FullServerOptions {
  readonly maxHeaderBytes: number
  readonly maxHeaders: number
  readonly headTimeoutMs: number
  readonly keepAliveMs: number
  readonly stallTimeoutMs: number
}

/** Node's server, not listening: sockets are given to it with `emit('connection', socket)`. */
export function createFullServer(host: ConnectionHost, options: FullServerOptions): Server {
  const server = createServer({
    insecureHTTPParser: false,
    requireHostHeader: false, // refused by `findFault`, which also knows HTTP/1.0
    maxHeaderSize: options.maxHeaderBytes,
    headersTimeout: options.headTimeoutMs,
    connectionsCheckingInterval: 1000,
    requestTimeout: 0, // an upload may take hours; a stalled one is ended by the server's sweep
    keepAliveTimeout: options.keepAliveMs,
    highWaterMark: 256 * 1024,
    noDelay: true,
  })
  server.maxHeadersCount = 0 // Node drops what is beyond in silence; `findFault`'s caller refuses instead
  // A client that half-closed its side is still answered (RFC 9112 §9.6).
  Object.assign(server, { httpAllowHalfOpen: true })
  const latest = new WeakMap<Duplex, Exchange>()
  const onRequest = (request: IncomingMessage, response: ServerResponse) => {
    if (latest.get(request.socket)?.isLast) return
    const exchange = new Exchange(host, options, request, response)
    latest.set(request.socket, exchange)
    void exchange.run()
  }
  server.on('request', onRequest)
  server.on('checkContinue', onRequest)
  server.on('checkExpectation', onRequest)
  server.on('connect', ({ socket }: IncomingMessage) =>
    refuseRest(socket, latest.get(socket), { status: 405, because: 'CONNECT is not allowed here' }),
  )
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    if (error.code === 'ECONNRESET' || !socket.writable) socket.destroy()
    else refuseRest(socket, latest.get(socket), parserRefusals[error.code ?? ''] ?? malformed)
  })
  server.emit('listening') // Node looks for late heads only where it listens itself
  return server
}

/** Node's parser refused a message: say so as RFC 9112 and RFC 6585 ask, behind the answers that are still due, and close. */
function refuseRest(socket: Duplex, latest: Exchange | undefined, refusal: Refusal): void {
  if (latest === undefined || latest.isAnswered) endWith(socket, refusal)
  else latest.refuseRest(refusal)
}

function endWith(socket: Duplex, { status, because }: Refusal): void {
  const text = `${because}\n`
  const fields = `Content-Type: text/plain\r\nContent-Length: ${text.length}\r\nConnection: close\r\n`
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${fields}\r\n${text}`, () => socket.destroy())
}

const stalled: Refusal = { status: 408, because: 'the request body stood still' }
const malformed: Refusal = { status: 400, because: 'the request is malformed' }

/** By the codes of Node's parser. */
const parserRefusals: Readonly<Record<string, Refusal>> = {
  HPE_HEADER_OVERFLOW: { status: 431, because: 'the headers are too large' },
  HPE_CHUNK_EXTENSIONS_OVERFLOW: { status: 413, because: 'the chunk extensions are too large' },
  HPE_INVALID_METHOD: { status: 501, because: 'the method is not known here' },
  HPE_INVALID_VERSION: { status: 505, because: 'only HTTP/1.1 and HTTP/1.0 are spoken here' },
  ERR_HTTP_REQUEST_TIMEOUT: { status: 408, because: 'the request head took too long' },
}

/** One request and its answer. */
class Exchange implements BodyTarget {
  readonly #host: ConnectionHost
  readonly #options: FullServerOptions
  readonly #request: IncomingMessage
  readonly #response: ServerResponse
  #aborter: AbortController | undefined
  #isLast = false

  constructor(
    host: ConnectionHost,
    options: FullServerOptions,
    request: IncomingMessage,
    response: ServerResponse,
  ) {
    this.#host = host
    this.#options = options
    this.#request = request
    this.#response = response
  }

  /** Refused, or followed by what can't be read: what comes behind it on this connection is no request. */
  get isLast(): boolean {
    return this.#isLast
  }

  get isAnswered(): boolean {
    return this.#response.closed
  }

  /** The body of this request, or what came behind it, is malformed or never comes. */
  refuseRest(refusal: Refusal): void {
    const { socket, complete } = this.#request
    const response = this.#response
    if (this.#isLast) return // its own refusal closes the connection
    this.#isLast = true
    const end = () => (response.headersSent && !complete ? socket.destroy() : endWith(socket, refusal))
    if (complete) response.once('close', end)
    else if (response.socket === null) response.once('socket', end)
    else end()
  }

  async run(): Promise<void> {
    const { rawHeaders, method = '', url = '', httpVersion } = this.#request
    const fault = findFault(method, url, httpVersion, rawHeaders) ?? this.#findExcess(rawHeaders)
    if (fault !== null) {
      this.#refuse(fault)
      return
    }
    this.#response.on('close', () => {
      if (!this.#response.writableFinished) this.#aborter?.abort()
    })
    try {
      await this.#send(await this.#host.handler(this.#proxyRequest(method, originForm(url))))
    } catch (error) {
      this.#cut(error)
    }
  }

  #findExcess(headers: HeaderList): Refusal | null {
    const isTooMany = headers.length > 2 * this.#options.maxHeaders
    if (isTooMany) return { status: 431, because: `more than ${this.#options.maxHeaders} headers` }
    const expect = this.#request.headers.expect
    if (expect === undefined || expect.toLowerCase() === '100-continue') return null
    return { status: 417, because: 'only Expect: 100-continue is supported' }
  }

  /** The rest of the request is not trusted to be one: the connection closes behind the answer. */
  #refuse({ status, because }: Refusal): void {
    this.#isLast = true
    const text = `${because}\n`
    this.#response.writeHead(status, {
      'Content-Type': 'text/plain',
      'Content-Length': text.length,
      Connection: 'close',
    })
    this.#response.end(text)
  }

  #proxyRequest(method: string, target: string): ProxyRequest {
    const exchange = this
    return {
      method,
      target,
      headers: this.#request.rawHeaders,
      body: this.#hasBody() ? this.#requestBody() : null,
      receivedMs: this.#host.clock.monotonicMs(),
      clientAddress: this.#request.socket.remoteAddress ?? '',
      get signal() {
        return exchange.#signal()
      },
    }
  }

  #signal(): AbortSignal {
    this.#aborter ??= new AbortController()
    if (this.#response.destroyed && !this.#response.writableFinished) this.#aborter.abort()
    return this.#aborter.signal
  }

  #hasBody(): boolean {
    const { headers } = this.#request
    return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0
  }

  /** The client's body. Asked for the first time, it tells a client that waits (Expect: 100-continue) to go on. */
  async *#requestBody(): Body {
    const request = this.#request
    const waits = request.headers.expect !== undefined && request.httpVersion === '1.1' // RFC 9110 §10.1.1
    if (waits && !this.#response.headersSent) this.#response.writeContinue()
    const silence = new SilenceTimer(this.#options.stallTimeoutMs, () => this.refuseRest(stalled))
    silence.begin()
    try {
      for await (const chunk of request.iterator({ destroyOnReturn: false })) {
        silence.end()
        yield chunk as Uint8Array
        silence.begin()
      }
    } catch (cause) {
      throw new ProxyError('the client left within its body', {
        code: 'client-gone',
        source: 'client',
        cause,
      })
    } finally {
      silence.stop()
    }
  }

  async #send(answer: ProxyResponse): Promise<void> {
    const response = this.#response
    if (this.isGone()) {
      cancelBody(answer.body)
      return
    }
    const facts = headFacts(answer.headers)
    const bodiless = isBodiless(this.#request.method!, answer.status)
    response.sendDate = false
    response.shouldKeepAlive = response.shouldKeepAlive && this.#mayKeepAlive()
    response.writeHead(answer.status, headFields(answer, facts.hasDate, facts.contentLength, bodiless))
    if (bodiless || answer.body === null) {
      cancelBody(answer.body)
      response.end()
    } else if (answer.body instanceof Uint8Array) {
      response.end(answer.body)
    } else {
      response.write('', 'latin1') // flushHeaders() would write bytes beyond ASCII in UTF-8
      await sendBody(this, answer.body, 'length', facts.contentLength, null)
      response.end()
    }
    if (!this.#request.complete) this.#closeBehindAnswer()
  }

  /** An unread request body would be taken for the next request's head: such a connection can't be kept. */
  #mayKeepAlive(): boolean {
    return !this.#host.draining && (this.#request.complete || !this.#hasBody())
  }

  /** The client may still be sending: what comes is thrown away for a while, so that it can read the answer. */
  #closeBehindAnswer(): void {
    const { socket } = this.#request
    this.#request.resume()
    setTimeout(() => socket.destroy(), lingerMs).unref()
  }

  /** Before the head: a plain 500. After it: the connection is cut, so that the body can't be taken for a whole one. */
  #cut(error: unknown): void {
    const response = this.#response
    const { socket, url = '' } = this.#request
    const code = error instanceof ProxyError ? error.code : 'unexpected'
    if (!this.isGone()) this.#host.log.warn('an answer was cut', { target: url, code, error: String(error) })
    // Without a promised length or a last chunk (HTTP/1.0) only a reset tells a broken body from a whole one.
    if (!response.headersSent) this.#refuse({ status: 500, because: 'the proxy failed' })
    else if (response.hasHeader('content-length') || response.chunkedEncoding) socket.destroy()
    else socket.resetAndDestroy()
  }

  // The response as a target of `sendBody`.
  get writable(): ServerResponse {
    return this.#response
  }

  isGone(): boolean {
    return this.#response.destroyed || this.#request.socket.destroyed
  }

  drained(): Promise<void> {
    const response = this.#response
    if (this.isGone() || !response.writableNeedDrain) return Promise.resolve()
    return new Promise((resolve) => {
      const done = () => {
        response.off('drain', done)
        response.off('close', done)
        resolve()
      }
      response.on('drain', done)
      response.on('close', done)
    })
  }
}

/** How long a connection that is to close goes on swallowing what the client still sends. */
const lingerMs = 1000

function headFields(
  answer: ProxyResponse,
  hasDate: boolean,
  contentLength: number | null,
  bodiless: boolean,
): string[] {
  const fields: string[] = []
  for (let i = 0; i < answer.headers.length; i += 2) {
    const name = answer.headers[i]!
    if (!isOwnedByServer(name)) fields.push(name, answer.headers[i + 1]!)
  }
  if (!hasDate) fields.push('Date', dateNow())
  const bytes = answer.body === null ? 0 : answer.body instanceof Uint8Array ? answer.body.length : null
  if (contentLength === null && bytes !== null && !bodiless) fields.push('Content-Length', String(bytes))
  return fields
}
