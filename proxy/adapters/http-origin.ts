// An S3 endpoint or a cache node over HTTP/1.1: sends requests byte for byte, with its own connections and stage timeouts.
import type { Readable } from 'node:stream'
import { Pool } from 'undici'
import type { HeaderList } from '../object.ts'
import type { Clock, Origin, OriginRequest, OriginResponse, Resolver } from '../ports.ts'
import { asUndiciConnector, type ConnectorOptions, createConnector } from './connector.ts'
import { originError } from './http-origin-errors.ts'

export interface HttpOriginOptions extends ConnectorOptions {
  readonly firstByteMs: number
  readonly betweenBytesMs: number
  readonly maxConnections: number
}

/** An idle connection is closed before S3 closes it (20 s there), so that a request rarely meets a dying one. */
const keepAliveMs = 15_000
const maxHeaderBytes = 64 * 1024

/** A hop's own headers (RFC 9110, section 7.6.1), and Expect, which the server has answered already. */
const hopHeaders = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'transfer-encoding',
  'upgrade',
  'expect',
])

export interface HttpOrigin extends Origin {
  /** Closes every connection; requests under way fail. */
  close(): Promise<void>
}

/** Connects lazily. Throws when the CA file can't be read. */
export function createHttpOrigin(options: HttpOriginOptions, resolver: Resolver, clock: Clock): HttpOrigin {
  const pool = new Pool(new URL(options.url).origin, {
    connect: asUndiciConnector(createConnector(options, resolver, clock)),
    connections: options.maxConnections,
    headersTimeout: options.firstByteMs,
    bodyTimeout: options.betweenBytesMs,
    keepAliveTimeout: keepAliveMs,
    keepAliveMaxTimeout: keepAliveMs,
    maxHeaderSize: maxHeaderBytes,
    pipelining: 1,
  })
  const { name } = options
  return {
    name,
    fetch: (request) => fetchOnce(pool, request, name).catch((error) => onceMore(pool, request, name, error)),
    close: () => pool.destroy(),
  }
}

async function fetchOnce(pool: Pool, request: OriginRequest, name: string): Promise<OriginResponse> {
  const { method, target, signal } = request
  try {
    const response = await pool.request({
      method: method as 'GET',
      path: target,
      headers: forwarded(request.headers),
      body: request.body as never,
      signal: signal ?? null,
      responseHeaders: 'raw',
    })
    const headers = response.headers as unknown as HeaderList
    return { status: response.statusCode, headers, body: new CheckedBody(response.body, method, name) }
  } catch (error) {
    throw originError(error, { method, stage: 'waiting', name })
  }
}

/**
 * A server may close an idle connection just as a request goes out on it. A request that can't have acted is sent once
 * more, on another connection.
 */
function onceMore(pool: Pool, request: OriginRequest, name: string, error: unknown): Promise<OriginResponse> {
  const failure = originError(error, { method: request.method, stage: 'waiting', name })
  const isRace = failure.code === 'closed-early' || failure.code === 'reset'
  if (!isRace || !failure.retryable || request.body !== null) throw failure
  return fetchOnce(pool, request, name)
}

function forwarded(headers: HeaderList): string[] {
  const kept: string[] = []
  for (let i = 0; i < headers.length; i += 2) {
    if (!hopHeaders.has(headers[i]!.toLowerCase())) kept.push(headers[i]!, headers[i + 1]!)
  }
  return kept
}

/**
 * The body with its errors named; undici itself holds it to its Content-Length. An object, not a generator: a body that
 * is thrown away unread must give its connection back, and `return()` on a generator that never started runs nothing.
 */
class CheckedBody implements AsyncIterableIterator<Uint8Array> {
  readonly #body: Readable
  readonly #method: string
  readonly #name: string
  #pieces: AsyncIterator<Uint8Array> | null = null

  constructor(body: Readable, method: string, name: string) {
    this.#body = body
    this.#method = method
    this.#name = name
    body.on('error', () => {}) // told to who reads it; a body that nobody reads any more may fail in silence
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  async next(): Promise<IteratorResult<Uint8Array>> {
    this.#pieces ??= this.#body[Symbol.asyncIterator]()
    try {
      return await this.#pieces.next()
    } catch (error) {
      throw originError(error, { method: this.#method, stage: 'body', name: this.#name })
    }
  }

  async return(): Promise<IteratorResult<Uint8Array>> {
    this.#body.destroy()
    return { done: true, value: undefined }
  }
}
