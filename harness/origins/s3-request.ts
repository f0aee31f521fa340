// What an HTTP request means to S3, and the shape of an answer: between the front that every client talks to and the
// backends that hold objects. Path style only: `/bucket/key?query`.
import type { Readable } from 'node:stream'
import type { HeaderList } from '../../proxy/object.ts'

export interface S3Request {
  readonly method: string
  /** The request target's bytes. */
  readonly target: string
  readonly headers: HeaderList
  /** Decoded; empty for `GET /`. */
  readonly bucket: string
  /** Decoded; empty for requests on the bucket. */
  readonly key: string
  /** Decoded names and values, the signature's own left out. */
  readonly query: ReadonlyMap<string, string>
  readonly body: Readable
}

export interface S3Answer {
  readonly status: number
  readonly headers: HeaderList
  readonly body: Readable | Uint8Array | null
}

/** Holds objects and answers for them; the signature has been checked. */
export type Backend = (request: S3Request) => Promise<S3Answer>

/** A backend that was started and must be stopped. */
export interface RunningBackend {
  readonly backend: Backend
  /** What it holds of a key right now, past HTTP's faults; null when nothing. */
  holds(bucket: string, key: string): Promise<{ bytes: number; md5: string } | null>
  stop(): Promise<void>
}

/** A GET with one of these doesn't read the object, or isn't a listing of the bucket. */
const objectSubresources = ['acl', 'tagging', 'torrent', 'retention', 'legal-hold', 'attributes', 'uploadId']
const bucketSubresources = [
  ...['location', 'versioning', 'acl', 'cors', 'policy', 'uploads', 'versions', 'tagging', 'website'],
  ...['lifecycle', 'encryption', 'object-lock', 'replication', 'notification', 'logging'],
]

/** Reads of an object and listings of a bucket are what most requests are; all else is `other`. */
export function intentOf({ method, bucket, key, query }: S3Request): 'read' | 'list' | 'other' {
  if ((method !== 'GET' && method !== 'HEAD') || bucket === '') return 'other'
  const subresources = key === '' ? bucketSubresources : objectSubresources
  if (subresources.some((name) => query.has(name))) return 'other'
  return key === '' ? 'list' : 'read'
}

/** Null for a target that isn't one S3 could mean anything by. */
export function parseTarget(
  target: string,
): { bucket: string; key: string; query: Map<string, string> } | null {
  const question = target.indexOf('?')
  const path = question < 0 ? target : target.slice(0, question)
  if (!path.startsWith('/')) return null
  const slash = path.indexOf('/', 1)
  try {
    const bucket = decodeURIComponent(slash < 0 ? path.slice(1) : path.slice(1, slash))
    const key = slash < 0 ? '' : decodeURIComponent(path.slice(slash + 1))
    return { bucket, key, query: parseQuery(question < 0 ? '' : target.slice(question + 1)) }
  } catch {
    return null
  }
}

function parseQuery(query: string): Map<string, string> {
  const values = new Map<string, string>()
  for (const part of query.split('&')) {
    if (part === '') continue
    const equals = part.indexOf('=')
    const name = decodeQuery(equals < 0 ? part : part.slice(0, equals))
    if (!name.startsWith('X-Amz-')) values.set(name, equals < 0 ? '' : decodeQuery(part.slice(equals + 1)))
  }
  return values
}

function decodeQuery(text: string): string {
  return decodeURIComponent(text.replaceAll('+', ' '))
}

/** The query as it goes to a backend: without what only the signature needed. */
export function formatQuery(query: ReadonlyMap<string, string>): string {
  const parts = [...query].map(([name, value]) => {
    const encoded = encodeURIComponent(name)
    return value === '' ? encoded : `${encoded}=${encodeURIComponent(value)}`
  })
  return parts.length === 0 ? '' : `?${parts.join('&')}`
}

/** A key in a path: everything but the slash is escaped. */
export function encodeKey(key: string): string {
  return key.split('/').map(encodeURIComponent).join('/')
}
