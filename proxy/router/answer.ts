// What the router writes into answers: which backend served, over which path, and its own clear refusals. Flow, free of ports.
import { type HeaderList, headerValue, type ProxyResponse } from '../object.ts'
import { endToEnd } from '../policy/hop-by-hop.ts'
import type { OriginResponse } from '../ports.ts'

const ownWord = ['x-backend'] as const
const allWords = ['x-backend', 'cache-status', 'x-cache-status'] as const
const encoder = new TextEncoder()

/** Headers of a backend's answer as the client gets them. `because`: why this backend, as the policy named it. */
export function relayedHeaders(
  response: OriginResponse,
  router: string,
  backend: { readonly name: string; readonly backup: boolean },
  because: string,
): string[] {
  const cached = speaksForItself(response.headers, backend)
  const headers = endToEnd(response.headers, cached ? ownWord : allWords)
  if (!cached) headers.push(...bypassHeaders(router, because))
  headers.push('X-Backend', backend.name, 'Via', `1.1 ${router}`)
  return headers
}

/** A cache node that relays its origin's failure in its own words (X-Cache-Status) is well itself. */
export function speaksForItself(headers: HeaderList, server: { readonly backup: boolean }): boolean {
  return !server.backup && headerValue(headers, 'x-cache-status') !== undefined
}

/** Headers of a request as a backend gets them: signed ones untouched, those of one connection removed (RFC 9110 §7.6). */
export function requestHeaders(headers: HeaderList, router: string): string[] {
  const forwarded = endToEnd(headers)
  const signsVia = /SignedHeaders=[^,]*\bvia\b/.test(headerValue(headers, 'authorization') ?? '')
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
