// The one error class of the proxy. `code` says what went wrong, `source` whose fault it is.

export type ErrorSource = 'client' | 'cache' | 'origin' | 'store' | 'dns' | 'config'

export type ErrorCode =
  // on the way to an origin or a backend
  | 'dns-failed'
  | 'connect-refused'
  | 'connect-timeout'
  | 'tls-failed'
  | 'reset'
  | 'closed-early'
  | 'first-byte-timeout'
  | 'between-bytes-timeout'
  | 'truncated'
  | 'overlong'
  | 'bad-header'
  | 'error-document'
  | 'object-changed'
  | 'digest-mismatch'
  | 'breaker-open'
  | 'slow-down'
  | 'no-backend'
  | 'queue-full'
  | 'queue-timeout'
  | 'deadline'
  | 'superseded'
  // the client's side
  | 'client-gone'
  | 'bad-request'
  | 'denied'
  // the store
  | 'store-full'
  | 'store-io'
  | 'corrupt'
  | 'evicted'
  // start-up
  | 'config-invalid'
  | 'listen-failed'

export interface ProxyErrorFields {
  readonly code: ErrorCode
  readonly source: ErrorSource
  /** True when the request can't have acted at the far side, so another backend may be tried. */
  readonly retryable?: boolean
  readonly cause?: unknown
}

/** An expected failure inside the proxy. A programmer's mistake is an `assert`, never this. */
export class ProxyError extends Error {
  readonly code: ErrorCode
  readonly source: ErrorSource
  readonly retryable: boolean

  constructor(message: string, fields: ProxyErrorFields) {
    super(message, { cause: fields.cause })
    this.name = 'ProxyError'
    this.code = fields.code
    this.source = fields.source
    this.retryable = fields.retryable ?? false
  }
}
