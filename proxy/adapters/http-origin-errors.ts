// Turns what undici, TLS and sockets throw into ProxyErrors with the stage that failed and whether the request may be
// tried again.
import { type ErrorCode, ProxyError } from '../errors.ts'

const codes: Readonly<Record<string, ErrorCode>> = {
  ECONNREFUSED: 'connect-refused',
  EHOSTUNREACH: 'connect-refused',
  ENETUNREACH: 'connect-refused',
  EADDRNOTAVAIL: 'connect-refused',
  EMFILE: 'connect-refused',
  ENFILE: 'connect-refused',
  ETIMEDOUT: 'connect-timeout',
  UND_ERR_CONNECT_TIMEOUT: 'connect-timeout',
  UND_ERR_HEADERS_TIMEOUT: 'first-byte-timeout',
  UND_ERR_BODY_TIMEOUT: 'between-bytes-timeout',
  UND_ERR_HEADERS_OVERFLOW: 'bad-header',
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: 'truncated',
  UND_ERR_REQ_CONTENT_LENGTH_MISMATCH: 'client-gone',
  UND_ERR_ABORTED: 'client-gone',
  ECONNRESET: 'reset',
  EPIPE: 'reset',
}

/** How far the request had come when it failed. */
export type Stage = 'connecting' | 'waiting' | 'body'

export interface Attempted {
  readonly method: string
  readonly stage: Stage
  /** The server's name for messages. */
  readonly name: string
}

/**
 * The ProxyError for `cause`. `retryable` is true while the request can't have acted at the far side: the connection
 * was never ready, or the method is safe (GET, HEAD, OPTIONS) and no byte of an answer has been passed on.
 */
export function originError(cause: unknown, attempted: Attempted): ProxyError {
  if (cause instanceof ProxyError) return cause
  const code = codeOf(cause, attempted.stage)
  const retryable =
    attempted.stage === 'connecting' || (attempted.stage === 'waiting' && isSafe(attempted.method))
  const source = code === 'client-gone' ? 'client' : 'origin'
  const fields = { code, source, retryable: retryable && source === 'origin', cause } as const
  return new ProxyError(`${attempted.name}: ${describe(cause)}`, fields)
}

/** Reads only: asking again does no harm. */
export function isSafe(method: string): boolean {
  return method === 'GET' || method === 'HEAD' || method === 'OPTIONS'
}

function codeOf(cause: unknown, stage: Stage): ErrorCode {
  const {
    code = '',
    message = '',
    name = '',
  } = (cause ?? {}) as { code?: string; message?: string; name?: string }
  if (stage === 'connecting' && isTlsCode(code)) return 'tls-failed'
  if (code.startsWith('HPE_') || name === 'HTTPParserError')
    return stage === 'body' ? 'truncated' : 'bad-header'
  const known = codes[code]
  if (known === 'reset' && stage === 'connecting') return 'connect-refused'
  if (known !== undefined) return known
  if (code === 'UND_ERR_SOCKET' && stage === 'connecting') return 'connect-refused'
  if (code === 'UND_ERR_SOCKET' && message.startsWith('bad ')) return 'bad-header'
  return stage === 'body' ? 'truncated' : 'closed-early'
}

/** Codes of Node's verification and OpenSSL: wrong name, expired, unknown authority, not TLS at all. */
function isTlsCode(code: string): boolean {
  return (
    code.startsWith('ERR_TLS_') ||
    code.startsWith('ERR_SSL_') ||
    code.startsWith('CERT_') ||
    code.startsWith('UNABLE_TO_') ||
    code === 'DEPTH_ZERO_SELF_SIGNED_CERT' ||
    code === 'SELF_SIGNED_CERT_IN_CHAIN' ||
    code === 'HOSTNAME_MISMATCH' ||
    code === 'EPROTO'
  )
}

function describe(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause)
}
