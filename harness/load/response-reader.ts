// Reads HTTP/1.1 responses off a byte stream (RFC 9112), strictly and without ever holding a body: what is odd about a
// response is the finding here, so nothing is repaired and nothing guessed. Knows buffers only, no sockets.

const maxHeadBytes = 65_536
const noBytes = Buffer.alloc(0)

export interface ResponseHead {
  readonly status: number
  /** Lower-case names; a repeated field keeps its first value. */
  readonly headers: ReadonlyMap<string, string>
  /** Whether the connection may carry another request afterwards. */
  readonly keepAlive: boolean
}

export interface ResponseSink {
  onHead(head: ResponseHead): void
  onBody(chunk: Buffer): void
  onEnd(): void
}

/** The peer said something that is no HTTP/1.1 response. */
export class BadResponse extends Error {}

type State =
  | { readonly kind: 'head' }
  | { readonly kind: 'counted'; leftBytes: number }
  | { readonly kind: 'until-close' }
  | { readonly kind: 'chunk-size' }
  | { readonly kind: 'chunk-data'; leftBytes: number }
  | { readonly kind: 'chunk-end' }
  | { readonly kind: 'trailer' }
  | { readonly kind: 'done' }

export class ResponseReader {
  readonly #sink: ResponseSink
  readonly #isHeadRequest: boolean
  #state: State = { kind: 'head' }
  #kept: Buffer = noBytes

  constructor(sink: ResponseSink, method: string) {
    this.#sink = sink
    this.#isHeadRequest = method === 'HEAD'
  }

  /** Takes the next bytes; throws BadResponse when they can't belong to a response. */
  feed(bytes: Buffer): void {
    let rest = this.#kept.length > 0 ? Buffer.concat([this.#kept, bytes]) : bytes
    this.#kept = noBytes
    while (rest.length > 0) {
      const used = this.#step(rest)
      if (used === 0) break
      rest = rest.subarray(used)
    }
    this.#kept = rest
  }

  /** The peer closed: true when that is how this response was meant to end. */
  endsByClose(): boolean {
    if (this.#state.kind !== 'until-close') return false
    this.#finish()
    return true
  }

  /** Uses up some of the bytes and says how many; 0 asks for more. */
  #step(bytes: Buffer): number {
    switch (this.#state.kind) {
      case 'head':
        return this.#readHead(bytes)
      case 'counted':
      case 'chunk-data':
        return this.#readData(bytes, this.#state)
      case 'until-close':
        this.#sink.onBody(bytes)
        return bytes.length
      case 'chunk-size':
        return this.#readLine(bytes, (line) => this.#startChunk(line))
      case 'chunk-end':
        return this.#readLine(bytes, (line) => {
          if (line !== '') throw new BadResponse('a chunk is longer than it said')
          this.#state = { kind: 'chunk-size' }
        })
      case 'trailer':
        return this.#readLine(bytes, (line) => {
          if (line === '') this.#finish()
        })
      case 'done':
        throw new BadResponse(`${bytes.length} bytes came after the end of the response`)
    }
  }

  #readHead(bytes: Buffer): number {
    const end = bytes.indexOf('\r\n\r\n')
    if (end < 0) {
      if (bytes.length > maxHeadBytes) throw new BadResponse(`a head of more than ${maxHeadBytes} bytes`)
      return 0
    }
    const { head, version } = parseHead(bytes.toString('latin1', 0, end))
    if (head.status >= 200) this.#startBody(head, version)
    else if (head.status === 101) throw new BadResponse('status 101 that nobody asked for')
    return end + 4
  }

  #startBody(head: ResponseHead, version: string): void {
    const framing = frame(head, this.#isHeadRequest)
    const keepAlive = framing.kind !== 'until-close' && keepsAlive(head, version)
    this.#state = framing
    this.#sink.onHead({ ...head, keepAlive })
    if (framing.kind === 'counted' && framing.leftBytes === 0) this.#finish()
  }

  #readData(bytes: Buffer, state: { readonly kind: 'counted' | 'chunk-data'; leftBytes: number }): number {
    const data = bytes.length > state.leftBytes ? bytes.subarray(0, state.leftBytes) : bytes
    state.leftBytes -= data.length
    this.#sink.onBody(data)
    if (state.leftBytes > 0) return data.length
    if (state.kind === 'counted') this.#finish()
    else this.#state = { kind: 'chunk-end' }
    return data.length
  }

  #startChunk(line: string): void {
    const size = line.split(';', 1)[0]!.trim()
    if (!/^[0-9a-fA-F]{1,12}$/.test(size))
      throw new BadResponse(`a chunk size of ${JSON.stringify(line.slice(0, 40))}`)
    const leftBytes = Number.parseInt(size, 16)
    this.#state = leftBytes === 0 ? { kind: 'trailer' } : { kind: 'chunk-data', leftBytes }
  }

  #readLine(bytes: Buffer, take: (line: string) => void): number {
    const end = bytes.indexOf('\r\n')
    if (end < 0) {
      if (bytes.length > maxHeadBytes) throw new BadResponse('a line without an end')
      return 0
    }
    take(bytes.toString('latin1', 0, end))
    return end + 2
  }

  #finish(): void {
    this.#state = { kind: 'done' }
    this.#sink.onEnd()
  }
}

function parseHead(text: string): { head: ResponseHead; version: string } {
  const lines = text.split('\r\n')
  const start = /^HTTP\/(1\.[01]) (\d{3})(?: |$)/.exec(lines[0]!)
  if (start === null) throw new BadResponse(`a status line of ${JSON.stringify(lines[0]!.slice(0, 40))}`)
  const headers = new Map<string, string>()
  for (let i = 1; i < lines.length; i++) {
    const line = lines[i]!
    const colon = line.indexOf(':')
    if (colon <= 0) throw new BadResponse(`a header line of ${JSON.stringify(line.slice(0, 40))}`)
    const name = line.slice(0, colon).toLowerCase()
    if (!headers.has(name)) headers.set(name, line.slice(colon + 1).trim())
  }
  return { head: { status: Number(start[2]), headers, keepAlive: false }, version: start[1]! }
}

/** How the body is delimited (RFC 9112, section 6.3). */
function frame(
  head: ResponseHead,
  isHeadRequest: boolean,
): State & { kind: 'counted' | 'chunk-size' | 'until-close' } {
  if (isHeadRequest || head.status === 204 || head.status === 304) return { kind: 'counted', leftBytes: 0 }
  const coding = head.headers.get('transfer-encoding')
  if (coding !== undefined) {
    if (coding.toLowerCase() !== 'chunked') throw new BadResponse(`the transfer coding ${coding}`)
    return { kind: 'chunk-size' }
  }
  const length = head.headers.get('content-length')
  if (length === undefined) return { kind: 'until-close' }
  if (!/^\d{1,15}$/.test(length)) throw new BadResponse(`a Content-Length of ${JSON.stringify(length)}`)
  return { kind: 'counted', leftBytes: Number(length) }
}

function keepsAlive(head: ResponseHead, version: string): boolean {
  const connection = head.headers.get('connection')?.toLowerCase()
  return version === '1.1' ? connection !== 'close' : connection === 'keep-alive'
}
