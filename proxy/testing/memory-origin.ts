// An S3 in memory on a virtual clock, for tests of the proxy's flow: objects, conditions and ranges as S3 answers
// them, a log of what it was asked, and the ways in which it can fail. Not a server: it implements `Origin`.
import { createHash } from 'node:crypto'
import { ProxyError } from '../errors.ts'
import { type Body, type HeaderList, headerValue, type Signal } from '../object.ts'
import type { Clock, Origin, OriginRequest, OriginResponse } from '../ports.ts'

export interface MemoryObject {
  readonly bytes: Uint8Array
  readonly etag: string
  readonly lastModified: string
  readonly headers: HeaderList
}

/** How the origin behaves: `hang` answers nothing until the caller's signal or `firstByteTimeoutMs`. */
export type OriginMood = 'ok' | 'refused' | 'hang' | 'slow-down' | number

export interface SeenRequest {
  readonly method: string
  readonly target: string
  readonly headers: HeaderList
  readonly atMs: number
  /** Body bytes the origin has handed out for this request so far. */
  sentBytes: number
  /** The caller left before the body was complete. */
  cancelled: boolean
  receivedBody: Uint8Array
}

export class MemoryOrigin implements Origin {
  readonly name: string
  /** May be another origin's, which then holds the same. */
  objects = new Map<string, MemoryObject>()
  readonly requests: SeenRequest[] = []
  mood: OriginMood = 'ok'
  /** Time to the head of every answer, the emulated round trip. */
  latencyMs = 32
  firstByteTimeoutMs = 300
  betweenBytesTimeoutMs = 300
  chunkBytes = 16_384
  /** Time between two chunks of a body. */
  chunkDelayMs = 0
  /** Bodies break with `reset` after this many bytes of one answer; null: never. */
  cutAfterBytes: number | null = null
  /** Bodies stand still after this many bytes of one answer, until the between-bytes timeout. */
  stallAfterBytes: number | null = null
  /** Replaces the answer of the next matching request, once. */
  intercept:
    | ((request: OriginRequest) => OriginResponse | undefined | Promise<OriginResponse | undefined>)
    | null = null
  readonly #clock: Clock

  constructor(name: string, clock: Clock) {
    this.name = name
    this.#clock = clock
  }

  /** Puts an object at `path` ("/bucket/key"); its ETag is the MD5 of its bytes, as S3's single-part ETag. */
  put(path: string, bytes: Uint8Array | string, headers: HeaderList = []): MemoryObject {
    const body = typeof bytes === 'string' ? new TextEncoder().encode(bytes) : bytes
    const etag = `"${createHash('md5').update(body).digest('hex')}"`
    const lastModified = new Date(Math.floor(this.#clock.wallMs() / 1000) * 1000).toUTCString()
    const object = { bytes: body, etag, lastModified, headers }
    this.objects.set(path, object)
    return object
  }

  /** Requests seen, as "GET /bucket/key". */
  get seen(): string[] {
    return this.requests.map((request) => `${request.method} ${request.target}`)
  }

  async fetch(request: OriginRequest): Promise<OriginResponse> {
    const seen: SeenRequest = {
      method: request.method,
      target: request.target,
      headers: request.headers,
      atMs: this.#clock.monotonicMs(),
      sentBytes: 0,
      cancelled: false,
      receivedBody: new Uint8Array(0),
    }
    this.requests.push(seen)
    await this.#arrive(request)
    if (request.body) seen.receivedBody = await collect(request.body)
    const intercepted = await this.intercept?.(request)
    if (intercepted) return intercepted
    return this.#answer(request, seen)
  }

  async #arrive(request: OriginRequest): Promise<void> {
    if (this.mood === 'refused') {
      await this.#wait(1, request.signal)
      throw new ProxyError('connect ECONNREFUSED', {
        code: 'connect-refused',
        source: 'origin',
        retryable: true,
      })
    }
    if (this.mood === 'hang') {
      await this.#wait(Math.min(this.firstByteTimeoutMs, request.firstByteMs ?? Infinity), request.signal)
      throw new ProxyError('no answer in time', {
        code: 'first-byte-timeout',
        source: 'origin',
        retryable: true,
      })
    }
    await this.#wait(this.latencyMs, request.signal)
  }

  #answer(request: OriginRequest, seen: SeenRequest): OriginResponse {
    if (this.mood === 'slow-down') return xml(503, 'SlowDown', seen, ['Retry-After', '2'])
    if (typeof this.mood === 'number') return xml(this.mood, 'InternalError', seen)
    const path = request.target.split('?', 1)[0]!
    if (request.method === 'PUT') return this.#store(path, seen)
    if (request.method === 'DELETE') {
      this.objects.delete(path)
      return { status: 204, headers: [], body: pieces([]) }
    }
    const object = this.objects.get(path)
    if (!object) return xml(404, 'NoSuchKey', seen)
    return this.#read(request, object, seen)
  }

  #store(path: string, seen: SeenRequest): OriginResponse {
    const { etag } = this.put(path, seen.receivedBody)
    return { status: 200, headers: ['ETag', etag, 'Content-Length', '0'], body: pieces([]) }
  }

  #read(request: OriginRequest, object: MemoryObject, seen: SeenRequest): OriginResponse {
    const validators = ['ETag', object.etag, 'Last-Modified', object.lastModified]
    const ifMatch = headerValue(request.headers, 'if-match')
    if (ifMatch && ifMatch !== object.etag) return xml(412, 'PreconditionFailed', seen)
    if (headerValue(request.headers, 'if-none-match') === object.etag) {
      return { status: 304, headers: validators, body: pieces([]) }
    }
    const total = object.bytes.length
    const range = /^bytes=(\d+)-(\d*)$/.exec(headerValue(request.headers, 'range') ?? '')
    const first = range ? Number(range[1]) : 0
    const last = range?.[2] ? Math.min(Number(range[2]), total - 1) : total - 1
    if (range && first >= total) return xml(416, 'InvalidRange', seen)
    const headers = [...validators, 'Accept-Ranges', 'bytes', 'Content-Length', String(last - first + 1)]
    if (range) headers.push('Content-Range', `bytes ${first}-${last}/${total}`)
    headers.push('x-amz-request-id', `R${this.requests.length}`, ...object.headers)
    const wanted = request.method === 'HEAD' ? new Uint8Array(0) : object.bytes.subarray(first, last + 1)
    return { status: range ? 206 : 200, headers, body: this.#stream(wanted, seen, request.signal) }
  }

  async *#stream(bytes: Uint8Array, seen: SeenRequest, signal?: Signal): AsyncGenerator<Uint8Array> {
    let complete = false
    try {
      for (let at = 0; at < bytes.length; at += this.chunkBytes) {
        if (at > 0 && this.chunkDelayMs > 0) await this.#wait(this.chunkDelayMs, signal)
        await this.#breakAt(at, signal)
        const chunk = bytes.subarray(at, at + this.chunkBytes)
        seen.sentBytes += chunk.length
        yield chunk
      }
      complete = true
    } finally {
      seen.cancelled = !complete
    }
  }

  async #breakAt(sentBytes: number, signal?: Signal): Promise<void> {
    if (this.mood === 'refused') throw reset()
    if (this.cutAfterBytes !== null && sentBytes >= this.cutAfterBytes) throw reset()
    if (this.mood === 'hang' || (this.stallAfterBytes !== null && sentBytes >= this.stallAfterBytes)) {
      await this.#wait(this.betweenBytesTimeoutMs, signal)
      throw new ProxyError('body stood still', { code: 'between-bytes-timeout', source: 'origin' })
    }
  }

  #wait(delayMs: number, signal?: Signal): Promise<void> {
    if (signal?.aborted) return Promise.reject(reset())
    return new Promise((resolve, reject) => {
      const cancel = this.#clock.after(delayMs, () => {
        signal?.removeEventListener('abort', left)
        resolve()
      })
      const left = () => {
        cancel()
        reject(reset())
      }
      signal?.addEventListener('abort', left, { once: true })
    })
  }
}

/** All bytes of a body. */
export async function collect(body: Uint8Array | Body | null): Promise<Uint8Array> {
  if (body === null) return new Uint8Array(0)
  if (body instanceof Uint8Array) return body
  const chunks: Uint8Array[] = []
  for await (const chunk of body) chunks.push(chunk)
  return Uint8Array.from(Buffer.concat(chunks))
}

/** A body of the given pieces. */
export async function* pieces(chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* chunks
}

/** Bytes that differ from place to place, the same for the same seed. */
export function patterned(bytes: number, seed = 1): Uint8Array {
  const pattern = new Uint8Array(bytes)
  for (let i = 0, state = seed; i < bytes; i++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
    pattern[i] = state >>> 16
  }
  return pattern
}

function reset(): ProxyError {
  return new ProxyError('connection reset', { code: 'reset', source: 'origin' })
}

function xml(status: number, code: string, seen: SeenRequest, more: HeaderList = []): OriginResponse {
  const text = `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code></Error>`
  const bytes = seen.method === 'HEAD' ? new Uint8Array(0) : new TextEncoder().encode(text)
  const headers = ['Content-Type', 'application/xml', 'Content-Length', String(text.length), ...more]
  return { status, headers, body: pieces([bytes]) }
}
