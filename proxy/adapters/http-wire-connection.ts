// One connection of the lean client: where its bytes are read to, and whose they are.
import type { Socket } from 'node:net'
import type { WireClient } from './http-wire.ts'
import type { WireExchange } from './http-wire-exchange.ts'

const pageBytes = 64 * 1024
/** Heads and short bodies are read into this page on all connections, and copied where they are kept: no buffer is made for each read. */
export const page = Buffer.allocUnsafeSlow(pageBytes)

/** One connection; carries one request at a time. */
export class WireConnection {
  readonly socket: Socket
  readonly #client: WireClient
  #exchange: WireExchange | null = null
  /** The buffer for what is left of a body. */
  #own: Buffer | null = null
  #isGone = false
  /** Sweeps of the client that have found it idle since it was used. */
  idleSweeps = 0

  constructor(socket: Socket, client: WireClient) {
    this.socket = socket
    this.#client = client
    socket.on('end', () => this.drop())
    socket.on('error', (error) => this.drop(error))
    socket.on('close', () => this.drop())
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
    this.idleSweeps = 0
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
