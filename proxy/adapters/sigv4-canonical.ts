// What a SigV4 signature is computed from and how: the canonical form of a request, the signing key, the two hashes.
// S3's own rules where it differs from other services: the path is encoded once and never normalised.
import { createHmac, createSecretKey, hash, type KeyObject } from 'node:crypto'
import { type HeaderList, headerValues } from '../object.ts'

export const algorithm = 'AWS4-HMAC-SHA256'

/** The parts of a request that a signature covers. `headers` includes Host. */
export interface SignedParts {
  readonly method: string
  readonly target: string
  readonly headers: HeaderList
}

/** The text that is hashed and signed: method, path, sorted query, the signed headers, the payload's hash. */
export function canonicalRequest(
  request: SignedParts,
  signedHeaders: readonly string[],
  payloadHash: string,
): string {
  const { method, target, headers } = request
  const question = target.indexOf('?')
  const path = question < 0 ? target : target.slice(0, question)
  let lines = ''
  for (const name of signedHeaders) lines += `${name}:${canonicalValue(headers, name)}\n`
  return (
    `${method}\n${canonicalPath(path)}\n${canonicalQuery(queryOf(target))}\n` +
    `${lines}\n${signedHeaders.join(';')}\n${payloadHash}`
  )
}

/** The text that is signed: a canonical request, its time and its scope, such as `20150830/us-east-1/s3/aws4_request`. */
export function stringToSign(canonical: string, amzDate: string, scope: string): string {
  return `${algorithm}\n${amzDate}\n${scope}\n${hash('sha256', Buffer.from(canonical, 'latin1'), 'hex')}`
}

/** Hex signature of a canonical request. */
export function signatureOf(canonical: string, amzDate: string, scope: string, secretKey: string): string {
  const key = signingKey(secretKey, scope)
  return createHmac('sha256', key)
    .update(stringToSign(canonical, amzDate, scope))
    .digest('hex')
}

/**
 * Four HMACs a key, day, region and service: kept, since every request of a day uses the same. As a KeyObject: Node takes
 * 25 µs to find out that a Buffer is none, for each signature.
 */
const signingKeys = new Map<string, KeyObject>()
const maxSigningKeys = 1000

function signingKey(secretKey: string, scope: string): KeyObject {
  const cacheKey = `${scope}/${secretKey}`
  const known = signingKeys.get(cacheKey)
  if (known !== undefined) return known
  const key = scope
    .split('/')
    .reduce<Buffer>(
      (previous, part) => createHmac('sha256', previous).update(part).digest(),
      Buffer.from(`AWS4${secretKey}`),
    )
  const kept = createSecretKey(key)
  if (signingKeys.size >= maxSigningKeys) signingKeys.clear()
  signingKeys.set(cacheKey, kept)
  return kept
}

/** Repeats joined by commas, each trimmed and its runs of spaces made one. */
function canonicalValue(headers: HeaderList, name: string): string {
  const values = headerValues(headers, name)
  const [only = ''] = values
  if (values.length === 1 && !only.includes('  ')) return only.trim()
  return values.map((value) => value.trim().replace(/\s+/g, ' ')).join(',')
}

const plainPath = /^[A-Za-z0-9\-._~/]*$/

/** S3's path: decoded once and encoded once, never normalised, so that `//` and `..` are names like any other. */
function canonicalPath(path: string): string {
  if (path === '') return '/'
  return plainPath.test(path) ? path : encode(decode(path), true)
}

function canonicalQuery(query: string): string {
  if (query === '') return ''
  const pairs = queryPairs(query).filter(([name]) => name !== 'X-Amz-Signature')
  const encoded = pairs.map(([name, value]) => [recode(name), recode(value)] as const)
  encoded.sort(([a, av], [b, bv]) => compare(a, b) || compare(av, bv))
  return encoded.map(([name, value]) => `${name}=${value}`).join('&')
}

export function queryOf(target: string): string {
  const question = target.indexOf('?')
  return question < 0 ? '' : target.slice(question + 1)
}

/** Names and values as they stand in the query, still encoded. */
export function queryPairs(query: string): [string, string][] {
  return query
    .split('&')
    .filter((part) => part !== '')
    .map((part) => {
      const equals = part.indexOf('=')
      return equals < 0 ? [part, ''] : [part.slice(0, equals), part.slice(equals + 1)]
    })
}

/** In a query S3 reads `+` as a space. */
function recode(text: string): string {
  return encode(decode(text.replaceAll('+', ' ')), false)
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

/** Percent-decoding to a byte string; a `%` that starts no escape stays as it is. */
export function decode(text: string): string {
  return text.replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
}

/** RFC 3986: everything but unreserved characters is escaped, in upper-case hex. */
function encode(bytes: string, keepSlash: boolean): string {
  return bytes.replace(/[^A-Za-z0-9\-._~]/g, (character) => {
    if (keepSlash && character === '/') return character
    return `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`
  })
}
