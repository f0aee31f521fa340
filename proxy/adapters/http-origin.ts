// An S3 endpoint or a cache node over HTTP/1.1: sends requests byte for byte, with its own connections and stage timeouts.
import { Pool } from 'undici'
import type { HeaderList } from '../object.ts'
import type { Clock, Origin, OriginRequest, OriginResponse, Receiver, Resolver } from '../ports.ts'
import { asUndiciConnector, type ConnectorOptions, createConnector } from './connector.ts'
import { OriginBody } from './http-origin-body.ts'
import { isSafe, originError } from './http-origin-errors.ts'
import { ExpectClient, expectsContinue } from './http-origin-expect.ts'
import { badHead, headFault } from './http-origin-head.ts'
import { WireClient } from './http-wire.ts'
import { FirstByteTimer } from './stage-timers.ts'

export interface HttpOriginOptions extends ConnectorOptions {
  readonly firstByteMs: number
  readonly betweenBytesMs: number
  readonly maxConnections: number
}

/** An idle connection is closed before S3 closes it (20 s there), so that a request rarely meets a dying one. */
const keepAliveMs = 15_000
const maxHeaderBytes = 64 * 1024

/** A hop's own headers (RFC 9110, section 7.6.1), and Expect, which http-origin-expect.ts sends itself. */
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
  const { origin, protocol, host, hostname } = new URL(options.url)
  const name = hostname.replace(/^\[|\]$/g, '')
  const open = createConnector(options, resolver, clock)
  const pool = new Pool(origin, {
    connect: asUndiciConnector(open),
    connections: options.maxConnections,
    headersTimeout: 0, // stage-timers.ts has exact ones
    bodyTimeout: 0,
    keepAliveTimeout: keepAliveMs,
    keepAliveMaxTimeout: keepAliveMs,
    maxHeaderSize: maxHeaderBytes,
    pipelining: 1,
  })
  const wire = protocol === 'http:' ? new WireClient(open, { ...options, host, keepAliveMs }) : null
  const expect = new ExpectClient(open, { ...options, maxHeaderBytes, keepAliveMs })
  const fetchOther = (request: OriginRequest) => {
    if (expectsContinue(request)) return expect.fetch(request, forwarded(request.headers))
    // While open connections serve every request nothing else would ever ask for the name again.
    resolver.resolve(name).catch(() => {})
    return fetchOnce(pool, request, options)
  }
  const ask: Send = (request, receiver) => {
    const isLean = request.body === null && isSafe(request.method)
    if (wire !== null && isLean) wire.send(request, receiver)
    else {
      fetchOther(request).then(
        (response) => receiver.answered(response),
        (error) => receiver.failed(error),
      )
    }
  }
  const send: Send = (request, receiver) => ask(request, new OnceMore(ask, request, receiver, options.name))
  return {
    name: options.name,
    send,
    fetch: (request) =>
      new Promise((answered, failed) => {
        send(request, { answered, failed })
      }),
    close() {
      wire?.close()
      expect.close()
      return pool.destroy()
    },
  }
}

type Send = (request: OriginRequest, receiver: Receiver) => void

async function fetchOnce(
  pool: Pool,
  request: OriginRequest,
  { name, firstByteMs, betweenBytesMs }: HttpOriginOptions,
): Promise<OriginResponse> {
  const { method, target, body } = request
  const timer = new FirstByteTimer(request.firstByteMs ?? firstByteMs, isSafe(method), request.signal)
  if (body === null) timer.start()
  try {
    const response = await pool.request({
      method: method as 'GET',
      path: target,
      headers: forwarded(request.headers),
      body: (body && timer.after(body)) as never,
      signal: timer.signal,
      reset: false, // undici gives up its connection after a HEAD otherwise
      responseHeaders: 'raw',
    })
    const headers = response.headers as unknown as HeaderList
    const fault = headFault(headers)
    if (fault !== null) throw badHead(fault, response.body, method)
    return {
      status: response.statusCode,
      headers,
      body: new OriginBody(response.body, method, name, request.betweenBytesMs ?? betweenBytesMs),
    }
  } catch (error) {
    throw originError(error, { method, stage: 'waiting', name })
  } finally {
    timer.stop()
  }
}

/**
 * A server may close an idle connection just as a request goes out on it. A request that can't have acted is sent once
 * more, on another connection.
 */
class OnceMore implements Receiver {
  readonly #ask: Send
  readonly #request: OriginRequest
  readonly #receiver: Receiver
  readonly #name: string

  constructor(ask: Send, request: OriginRequest, receiver: Receiver, name: string) {
    this.#ask = ask
    this.#request = request
    this.#receiver = receiver
    this.#name = name
  }

  answered(response: OriginResponse): void {
    this.#receiver.answered(response)
  }

  failed(error: unknown): void {
    const { method, body } = this.#request
    const failure = originError(error, { method, stage: 'waiting', name: this.#name })
    const isRace = failure.code === 'closed-early' || failure.code === 'reset'
    if (isRace && failure.retryable && body === null) this.#ask(this.#request, this.#receiver)
    else this.#receiver.failed(failure)
  }
}

function forwarded(headers: HeaderList): string[] {
  const kept: string[] = []
  for (let i = 0; i < headers.length; i += 2) {
    if (!hopHeaders.has(headers[i]!.toLowerCase())) kept.push(headers[i]!, headers[i + 1]!)
  }
  return kept
}
