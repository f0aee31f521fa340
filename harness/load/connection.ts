// One connection of the load generator, one exchange at a time. Nothing is retried and nothing repaired: once anything
// is wrong the socket is destroyed with all its state, and the exchange ends, exactly once, with what can be proved.
import type { Socket } from 'node:net'
import { BadResponse, type ResponseHead, ResponseReader } from './response-reader.ts'

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
      readonly kind:
        | 'refused' // no connection, or none that could be trusted
        | 'reset' // closed or cut before the answer's head was complete
        | 'truncated' // closed or cut within the body
        | 'nonsense' // bytes that are no HTTP response
        | 'timeout'
        | 'cancelled'
        | 'starved' // this machine ran out of sockets: the system is not to blame
      readonly detail: string
    }

export interface ExchangeEvents {
  onHead(head: ResponseHead): void
  onBody(chunk: Buffer): void
  /** Exactly once, last. */
  onEnd(ending: Ending): void
}

const starvation = new Set(['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM', 'EADDRNOTAVAIL'])

interface Exchange {
  readonly reader: ResponseReader
  readonly events: ExchangeEvents
  readonly deadline: NodeJS.Timeout
  head: ResponseHead | null
}

export class Connection {
  readonly #socket: Socket
  readonly #onIdle: (connection: Connection) => void
  #exchange: Exchange | null = null
  #isReady = false
  #hasServed = false
  #error: NodeJS.ErrnoException | null = null
  /** When it last became idle, of `performance.now()`. */
  idleSinceMs = 0

  /** Takes a socket that is being connected; `readyEvent` is `connect` or `secureConnect`. */
  constructor(
    socket: Socket,
    readyEvent: 'connect' | 'secureConnect',
    onIdle: (connection: Connection) => void,
  ) {
    this.#socket = socket
    this.#onIdle = onIdle
    socket.setNoDelay(true)
    socket.once(readyEvent, () => {
      this.#isReady = true
    })
    socket.on('data', (bytes: Buffer) => this.#onData(bytes))
    socket.on('end', () => this.#onPeerEnd())
    socket.on('error', (error) => {
      this.#error = error
    })
    socket.on('close', () => this.#onClose())
  }

  /** The connection must be idle. */
  send(request: ExchangeRequest, timeoutMs: number, events: ExchangeEvents): void {
    const reader = new ResponseReader(
      {
        onHead: (head) => this.#onHead(head),
        onBody: (chunk) => events.onBody(chunk),
        onEnd: () => this.#onResponseEnd(),
      },
      request.method,
    )
    const detail = `not complete after ${timeoutMs} ms`
    const deadline = setTimeout(() => this.end({ kind: 'timeout', detail }), timeoutMs)
    this.#exchange = { reader, events, deadline, head: null }
    this.#socket.write(headOf(request), 'latin1')
    if (request.body !== null && request.body.length > 0) this.#socket.write(request.body)
  }

  /** Ends the exchange, if there is one, and the connection. */
  end(ending: Ending): void {
    this.#socket.destroy()
    this.#settle(ending)
  }

  #settle(ending: Ending): void {
    const exchange = this.#exchange
    if (exchange === null) return
    this.#exchange = null
    clearTimeout(exchange.deadline)
    exchange.events.onEnd(ending)
  }

  #onData(bytes: Buffer): void {
    if (this.#exchange === null) {
      // Nobody asked: a 408 on an idle connection, or more body than the last answer announced.
      this.#socket.destroy()
      return
    }
    try {
      this.#exchange.reader.feed(bytes)
    } catch (error) {
      if (!(error instanceof BadResponse)) throw error
      // When the answer itself was whole, its exchange has ended by now, and only the connection is lost.
      this.end({ kind: 'nonsense', detail: error.message })
    }
  }

  #onHead(head: ResponseHead): void {
    const exchange = this.#exchange!
    exchange.head = head
    exchange.events.onHead(head)
  }

  #onResponseEnd(): void {
    // An answer that came before the whole request was written leaves the connection between two messages.
    const isReusable = this.#exchange!.head!.keepAlive && this.#socket.writableLength === 0
    if (!isReusable) {
      this.end({ kind: 'complete' })
      return
    }
    this.#hasServed = true
    this.#settle({ kind: 'complete' })
    this.idleSinceMs = performance.now()
    this.#onIdle(this)
  }

  #onPeerEnd(): void {
    if (this.#exchange?.reader.endsByClose()) return
    this.end(this.#broken('closed'))
  }

  #onClose(): void {
    const error = this.#error
    if (error !== null && !this.#isReady) this.#settle(notConnected(error))
    else this.#settle(this.#broken(error?.code ?? error?.message ?? 'closed'))
  }

  #broken(how: string): Ending {
    if (this.#exchange?.head) return { kind: 'truncated', detail: `${how} within the body` }
    const kept = this.#hasServed ? ' on a connection that had served before' : ''
    return { kind: 'reset', detail: `${how} before an answer${kept}` }
  }
}

function notConnected(error: NodeJS.ErrnoException): Ending {
  const code = error.code ?? ''
  if (starvation.has(code)) return { kind: 'starved', detail: error.message }
  const kind = code === 'ECONNRESET' ? 'reset' : 'refused'
  return { kind, detail: `no connection: ${error.message}` }
}

function headOf({ method, target, headers, body }: ExchangeRequest): string {
  let head = `${method} ${target} HTTP/1.1\r\n`
  for (let i = 0; i < headers.length; i += 2) head += `${headers[i]}: ${headers[i + 1]}\r\n`
  if (body !== null) head += `Content-Length: ${body.length}\r\n`
  return `${head}\r\n`
}
