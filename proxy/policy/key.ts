// Decides which object a request is about and under which key its answer may be kept: the bytes S3 would see,
// less what belongs to one request's signature. Pure; never normalises what is sent on, only what is compared.
import type { ProxyRequest } from '../object.ts'
import type { RequestFacts } from './request-facts.ts'

/** Why a request is passed on without looking into the cache. */
export type PassReason =
  | 'method'
  | 'bucket-request'
  | 'sub-resource'
  | 'unknown-query'
  | 'malformed-target'
  | 'sse-c'
  | 'requester-pays'

/** An object in a bucket, however it was addressed. `base` is "bucket/key" with the key in S3's URI encoding. */
export interface ObjectName {
  readonly bucket: string
  readonly objectKey: string
  readonly base: string
}

export type Subject =
  /** `key` differs from `base` for variants: a version, a part, response-* overrides, an Origin. */
  | { readonly kind: 'object'; readonly name: ObjectName; readonly key: string }
  | { readonly kind: 'pass'; readonly because: PassReason; readonly name: ObjectName | null }

/**
 * `hosts`: lower-case names that mean the origin itself. "Host: NAME" is path style, "Host: BUCKET.NAME" virtual-host
 * style. Any other Host becomes part of the key, so that one host's objects are never served under another's.
 */
export function subjectOf(
  request: Pick<ProxyRequest, 'method' | 'target'>,
  facts: RequestFacts,
  hosts: readonly string[],
): Subject {
  const { path, query, host } = splitTarget(request.target, facts.host)
  const name = path === null ? null : objectName(path, host, hosts)
  if (name === null) return { kind: 'pass', because: 'malformed-target', name }
  if (request.method !== 'GET' && request.method !== 'HEAD') return { kind: 'pass', because: 'method', name }
  if (name.objectKey === '') return { kind: 'pass', because: 'bucket-request', name }
  if (facts.personal) return { kind: 'pass', because: facts.personal, name }
  const kept = keptQuery(query)
  if (typeof kept === 'string') return { kind: 'pass', because: kept, name }
  return { kind: 'object', name, key: variantKey(name.base, kept, facts.origin) }
}

function variantKey(base: string, kept: readonly string[], origin: string | undefined): string {
  if (kept.length === 0 && origin === undefined) return base
  const query = kept.length === 0 ? '' : `?${[...kept].sort().join('&')}`
  return origin === undefined ? base + query : `${base}${query} origin=${origin}`
}

/** The target as an origin expects it: without the scheme and authority of a request made to a proxy. */
export function originForm(target: string): string {
  return target.startsWith('/') ? target : target.replace(/^https?:\/\/[^/?]*/i, '').replace(/^(?!\/)/, '/')
}

/** The target without what belongs to one request's signature, everything else as it was. */
export function withoutSignature(target: string): string {
  const mark = target.indexOf('?')
  if (mark < 0) return target
  const kept = target
    .slice(mark + 1)
    .split('&')
    .filter((parameter) => !isOfSignature(parameter.split('=', 1)[0]!))
  return kept.length === 0 ? target.slice(0, mark) : `${target.slice(0, mark)}?${kept.join('&')}`
}

function isOfSignature(name: string): boolean {
  return name.startsWith('X-Amz-') || signatureParameters.has(name)
}

interface SplitTarget {
  readonly path: string | null
  readonly query: string
  readonly host: string
}

/** Origin form ("/path?query") or absolute form ("http://host/path?query"), RFC 9112 §3.2. */
function splitTarget(target: string, hostHeader: string): SplitTarget {
  let origin = target
  let host = hostHeader
  if (!target.startsWith('/')) {
    const absolute = /^https?:\/\/([^/?]+)(.*)$/is.exec(target)
    if (!absolute) return { path: null, query: '', host }
    host = absolute[1]!
    origin = absolute[2]!.startsWith('/') ? absolute[2]! : `/${absolute[2]}`
  }
  const mark = origin.indexOf('?')
  if (mark < 0) return { path: origin, query: '', host }
  return { path: origin.slice(0, mark), query: origin.slice(mark + 1), host }
}

function objectName(path: string, hostHeader: string, hosts: readonly string[]): ObjectName | null {
  const canonical = canonicalPath(path)
  if (canonical === null) return null
  const host = hostHeader.toLowerCase().replace(/:\d*$/, '').replace(/\.$/, '')
  const suffix = hosts.find((name) => host.endsWith(`.${name}`))
  if (suffix !== undefined && !hosts.includes(host)) {
    const bucket = host.slice(0, -suffix.length - 1)
    return { bucket, objectKey: canonical.slice(1), base: bucket + canonical }
  }
  const slash = canonical.indexOf('/', 1)
  const bucket = canonical.slice(1, slash < 0 ? undefined : slash)
  const objectKey = slash < 0 ? '' : canonical.slice(slash + 1)
  const base = `${bucket}/${objectKey}`
  return { bucket, objectKey, base: hosts.includes(host) ? base : `//${host}/${base}` }
}

const plain = /^[A-Za-z0-9\-._~/]*$/

/**
 * One spelling for each sequence of bytes: "%2f" and "%2F" and "/" are one to S3, as are ":" and "%3A". "+" keeps its
 * own spelling, since S3 and its clones disagree on whether it means a space. null when an escape is malformed.
 */
export function canonicalPath(path: string): string | null {
  if (plain.test(path)) return path
  if (/%(?![0-9A-Fa-f]{2})/.test(path)) return null
  return path.replace(/%([0-9A-Fa-f]{2})|[^A-Za-z0-9\-._~/+]/g, (char, hex: string | undefined) => {
    if (hex === undefined) return encodeBytes(char)
    const byte = String.fromCharCode(Number.parseInt(hex, 16))
    return plain.test(byte) ? byte : `%${hex.toUpperCase()}`
  })
}

/** Request targets arrive as latin1, one character a byte. */
function encodeBytes(char: string): string {
  return `%${(char.charCodeAt(0) & 0xff).toString(16).toUpperCase().padStart(2, '0')}`
}

const subResources = new Set(
  'acl attributes cors delete encryption legal-hold lifecycle list-type location policy requestPayment restore retention select select-type tagging torrent uploadId uploads versioning versions website'.split(
    ' ',
  ),
)

const signatureParameters = new Set(['AWSAccessKeyId', 'Expires', 'Signature'])

/** Parameters that change what S3 answers with, sorted out from those of a signature and of logging ("x-…"). */
function keptQuery(query: string): readonly string[] | 'sub-resource' | 'unknown-query' {
  if (query === '') return []
  const kept: string[] = []
  for (const parameter of query.split('&')) {
    const name = parameter.split('=', 1)[0]!
    if (name === '' || /^x-/i.test(name) || signatureParameters.has(name)) continue
    if (subResources.has(name)) return 'sub-resource'
    if (name !== 'versionId' && name !== 'partNumber' && !name.startsWith('response-')) return 'unknown-query'
    kept.push(parameter)
  }
  return kept
}
