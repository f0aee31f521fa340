// Where the body of an answer ends in the bytes of a connection (RFC 9112 §6 and §7). Knows bytes only.
import { ProxyError } from '../errors.ts'
import type { AnswerFraming } from './http-wire-head.ts'

export interface PieceSink {
  push(piece: Uint8Array): void
}

/** Takes the body's bytes out of what a connection brings. */
export interface BodyReader {
  /** True from the last byte of the body on. */
  readonly ended: boolean
  /** True when the end of the connection is the end of the body. */
  readonly endsWithConnection: boolean
  /** Hands on the body's pieces; returns how many of the bytes belong to this body. Throws `truncated` when they are malformed. */
  feed(bytes: Buffer, sink: PieceSink): number
}

export function bodyReader(framing: AnswerFraming): BodyReader {
  if (framing === 'chunked') return new ChunkReader()
  return framing === 'until-close' ? untilClose : new LengthReader(framing)
}

const untilClose: BodyReader = {
  ended: false,
  endsWithConnection: true,
  feed(bytes, sink) {
    sink.push(bytes)
    return bytes.length
  },
}

class LengthReader implements BodyReader {
  readonly endsWithConnection = false
  #missingBytes: number

  constructor(bytes: number) {
    this.#missingBytes = bytes
  }

  get ended(): boolean {
    return this.#missingBytes === 0
  }

  feed(bytes: Buffer, sink: PieceSink): number {
    const taken = Math.min(bytes.length, this.#missingBytes)
    this.#missingBytes -= taken
    if (taken > 0) sink.push(taken === bytes.length ? bytes : bytes.subarray(0, taken))
    return taken
  }
}

/** A chunk's size, and extensions, which nobody here understands. */
const sizeLine = /^([0-9A-Fa-f]{1,12})[ \t]*(?:;[\t\x20-\x7e\x80-\xff]*)?\r\n$/
/** A line of a chunk, or the trailer as a whole, may be this long. */
const maxLineBytes = 16 * 1024

class ChunkReader implements BodyReader {
  readonly endsWithConnection = false
  ended = false
  #expects: 'size' | 'data' | 'end of data' | 'trailer' = 'size'
  #line = ''
  #trailerBytes = 0
  #missingBytes = 0

  feed(bytes: Buffer, sink: PieceSink): number {
    let at = 0
    while (at < bytes.length && !this.ended) {
      at = this.#expects === 'data' ? this.#readData(bytes, at, sink) : this.#readLine(bytes, at)
    }
    return at
  }

  #readData(bytes: Buffer, at: number, sink: PieceSink): number {
    const end = Math.min(bytes.length, at + this.#missingBytes)
    sink.push(bytes.subarray(at, end))
    this.#missingBytes -= end - at
    if (this.#missingBytes === 0) this.#expects = 'end of data'
    return end
  }

  #readLine(bytes: Buffer, at: number): number {
    const feed = bytes.indexOf(0x0a, at)
    const end = feed === -1 ? bytes.length : feed + 1
    this.#line += bytes.toString('latin1', at, end)
    if (this.#line.length > maxLineBytes) throw malformed()
    if (feed !== -1) {
      const line = this.#line
      this.#line = ''
      this.#lineCame(line)
    }
    return end
  }

  #lineCame(line: string): void {
    if (this.#expects === 'size') {
      const size = sizeLine.exec(line)
      if (size === null) throw malformed()
      this.#missingBytes = Number.parseInt(size[1]!, 16)
      this.#expects = this.#missingBytes === 0 ? 'trailer' : 'data'
    } else if (this.#expects === 'end of data') {
      if (line !== '\r\n') throw malformed()
      this.#expects = 'size'
    } else this.#trailerCame(line)
  }

  /** Fields of a trailer are dropped (RFC 9110 §6.5.1). */
  #trailerCame(line: string): void {
    this.#trailerBytes += line.length
    if (!line.endsWith('\r\n') || this.#trailerBytes > maxLineBytes) throw malformed()
    this.ended = line === '\r\n'
  }
}

function malformed(): ProxyError {
  return new ProxyError('a chunk of the body is malformed', { code: 'truncated', source: 'origin' })
}
