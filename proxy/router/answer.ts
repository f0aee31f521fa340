// What the router writes into answers: which backend served, over which path, and its own clear refusals. Flow, free of ports.
import { type HeaderList, headerValue, type ProxyResponse, type ReceivedLines } from '../object.ts'
import { endToEnd, hopByHopAt, withoutAt } from '../policy/hop-by-hop.ts'
import type { OriginResponse } from '../ports.ts'

const ownWord = ['x-backend'] as const
const allWords = ['x-backend', 'cache-status', 'x-cache-status'] as const
const encoder = new TextEncoder()

/**
 * A backend's answer as the client gets it, with the words of the router. Where its lines are known they are passed on as
 * they came, and the list is only made for whoever asks for it.
 */
export class RelayedAnswer implements ProxyResponse {
  readonly status: number
  readonly body: ProxyResponse['body']
  readonly lines: ProxyResponse['lines']
  readonly #received: HeaderList
  readonly #dropped: readonly number[]
  readonly #added: HeaderList
  #headers: HeaderList | null = null

  /** `because`: why this backend, as the policy named it. */
  constructor(
    { status, headers, received }: OriginResponse,
    body: ProxyResponse['body'],
    router: string,
    backend: { readonly name: string; readonly backup: boolean },
    because: string,
  ) {
    const speaks = speaksForItself(headers, backend)
    const via = ['X-Backend', backend.name, 'Via', `1.1 ${router}`]
    this.status = status
    this.body = body
    this.#received = headers
    this.#dropped = hopByHopAt(headers, speaks ? ownWord : allWords)
    this.#added = speaks ? via : [...bypassHeaders(router, because), ...via]
    this.lines = received && {
      text: relayedText(received, this.#dropped, this.#added),
      contentLength: received.contentLength,
      hasDate: received.hasDate,
    }
  }

  get headers(): HeaderList {
    this.#headers ??= [...withoutAt(this.#received, this.#dropped), ...this.#added]
    return this.#headers
  }
}

function relayedText({ text, starts }: ReceivedLines, dropped: readonly number[], added: HeaderList): string {
  let relayed = ''
  let from = starts[0]!
  for (const place of dropped) {
    relayed += text.slice(from, starts[place / 2])
    from = starts[place / 2 + 1]!
  }
  relayed += text.slice(from, starts.at(-1))
  for (let i = 0; i < added.length; i += 2) relayed += `${added[i]}: ${added[i + 1]}\r\n`
  return relayed
}

/** A cache node that relays its origin's failure in its own words (X-Cache-Status) is well itself. */
export function speaksForItself(headers: HeaderList, server: { readonly backup: boolean }): boolean {
  return !server.backup && headerValue(headers, 'x-cache-status') !== undefined
}

/** Headers of a request as a backend gets them: signed ones untouched, those of one connection removed (RFC 9110 §7.6). */
export function requestHeaders(headers: HeaderList, router: string): string[] {
  const forwarded = endToEnd(headers)
  const authorization = headerValue(headers, 'authorization')
  const signsVia = authorization !== undefined && /SignedHeaders=[^,]*\bvia\b/.test(authorization)
  if (!signsVia) forwarded.push('Via', `1.1 ${router}`)
  return forwarded
}

/** 503 in the XML that S3's clients read. `because` is the decision's name; `method` HEAD gets no body. */
export function unavailable(
  router: string,
  because: string,
  retryAfterMs: number,
  method: string,
): ProxyResponse {
  const text = `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>ServiceUnavailable</Code><Message>No backend could serve this request: ${because}. Please try again.</Message></Error>\n`
  const body = encoder.encode(text)
  const headers = ['Content-Type', 'application/xml', 'Content-Length', String(body.length)]
  headers.push('Retry-After', String(Math.max(1, Math.ceil(retryAfterMs / 1000))))
  headers.push(...bypassHeaders(router, because), 'X-Backend', 'none', 'Via', `1.1 ${router}`)
  return { status: 503, headers, body: method === 'HEAD' ? null : body }
}

function bypassHeaders(router: string, because: string): HeaderList {
  return ['Cache-Status', `${router}; fwd=bypass; detail=${because}`, 'X-Cache-Status', 'BYPASS']
}
