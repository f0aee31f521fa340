// What the cache wants to know of a request's headers, gathered in one pass over them. Pure.
import type { HeaderList } from '../object.ts'

export interface RequestFacts {
  readonly host: string
  readonly range: string | undefined
  readonly ifRange: string | undefined
  readonly ifMatch: string | undefined
  readonly ifNoneMatch: string | undefined
  readonly ifModifiedSince: string | undefined
  readonly ifUnmodifiedSince: string | undefined
  /** One of the six above is there. */
  readonly conditional: boolean
  readonly cacheControl: string | undefined
  readonly pragma: string | undefined
  readonly authorization: string | undefined
  readonly amzDate: string | undefined
  /** The Origin header of a cross-origin request; S3's answer differs by it (CORS). */
  readonly origin: string | undefined
  /** A header by which S3 answers this one client differently: SSE-C keys, requester pays. */
  readonly personal: 'sse-c' | 'requester-pays' | null
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

const fields: Readonly<Record<string, Exclude<keyof RequestFacts, 'personal' | 'conditional'>>> = {
  host: 'host',
  range: 'range',
  'if-range': 'ifRange',
  'if-match': 'ifMatch',
  'if-none-match': 'ifNoneMatch',
  'if-modified-since': 'ifModifiedSince',
  'if-unmodified-since': 'ifUnmodifiedSince',
  'cache-control': 'cacheControl',
  pragma: 'pragma',
  authorization: 'authorization',
  'x-amz-date': 'amzDate',
  origin: 'origin',
}

const conditionals: ReadonlySet<keyof RequestFacts> = new Set([
  'range',
  'ifRange',
  'ifMatch',
  'ifNoneMatch',
  'ifModifiedSince',
  'ifUnmodifiedSince',
] as const)

/** The first value counts where a header is repeated. */
export function requestFacts(headers: HeaderList): RequestFacts {
  const facts: Mutable<RequestFacts> = {
    host: '',
    range: undefined,
    ifRange: undefined,
    ifMatch: undefined,
    ifNoneMatch: undefined,
    ifModifiedSince: undefined,
    ifUnmodifiedSince: undefined,
    conditional: false,
    cacheControl: undefined,
    pragma: undefined,
    authorization: undefined,
    amzDate: undefined,
    origin: undefined,
    personal: null,
  }
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i]!.toLowerCase()
    const field = fields[name]
    if (field) {
      facts[field] ||= headers[i + 1]!
      if (conditionals.has(field)) facts.conditional = true
    } else if (name.startsWith('x-amz-')) {
      facts.personal ??= personal(name)
    }
  }
  return facts
}

function personal(name: string): RequestFacts['personal'] {
  if (name.startsWith('x-amz-server-side-encryption-customer-')) return 'sse-c'
  return name === 'x-amz-request-payer' ? 'requester-pays' : null
}
