// AWS Signature Version 4 as S3 applies it: signs requests, and verifies those that arrive with a signature in the
// Authorization header or in the URL. Knows strings and keys only: no sockets, no clock (`nowMs` comes in), no body.
// Source: https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-authenticating-requests.html
//
// Header values and targets are byte strings (one character a byte), as Node's HTTP parser gives them.
import { timingSafeEqual } from 'node:crypto'
import { type HeaderList, headerValue } from '../object.ts'
import {
  algorithm,
  canonicalRequest,
  decode,
  queryOf,
  queryPairs,
  type SignedParts,
  signatureOf,
  stringToSign,
} from './sigv4-canonical.ts'

export type { SignedParts }

export const emptyPayloadHash = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'
export const unsignedPayload = 'UNSIGNED-PAYLOAD'

/** Longest difference between the signer's clock and ours: S3 refuses more with RequestTimeTooSkewed. */
export const maxSkewMs = 15 * 60_000
/** Longest life of a presigned URL: seven days. */
export const maxPresignSeconds = 7 * 86_400

export interface SigningCredentials {
  readonly accessKey: string
  readonly secretKey: string
  readonly sessionToken?: string
}

export interface SigningScope {
  readonly region: string
  readonly service: string
}

export interface SignRequest extends SignedParts, SigningScope {
  /** Hex SHA-256 of the body, `UNSIGNED-PAYLOAD`, or one of the `STREAMING-…` words. */
  readonly payloadHash: string
  readonly credentials: SigningCredentials
  readonly nowMs: number
}

export type SigV4Denial =
  | 'missing' // no signature at all
  | 'malformed' // a signature that can't be parsed
  | 'wrong-scope' // for another region or service
  | 'unknown-key'
  | 'bad-signature'
  | 'skewed' // signed too long ago, or in the future
  | 'expired' // a presigned URL past its time
  | 'headers-not-signed' // Host or an x-amz-* header is outside the signature

/** What a signature that doesn't match was checked against, as S3 tells it; not the signature that would match. */
export interface ComputedSignature {
  readonly accessKey: string
  /** The one that came, hex. */
  readonly signature: string
  readonly canonical: string
  readonly stringToSign: string
}

interface Denied {
  readonly kind: 'denied'
  readonly because: SigV4Denial
  /** With `bad-signature`. */
  readonly computed?: ComputedSignature
}

export type SigV4Verdict =
  | {
      readonly kind: 'allowed'
      readonly accessKey: string
      /** Lower-case names: these must reach S3 as they are. */
      readonly signedHeaders: readonly string[]
      readonly presigned: boolean
      readonly payloadHash: string
      /** Up to when S3 would still take this signature, wall ms. */
      readonly validUntilMs: number
    }
  | Denied

const s3Scope: SigningScope = { region: 'us-east-1', service: 's3' }

/** Never signed: set by the sender of each hop, or changed on the way by every proxy. */
const unsignedNames = new Set([
  'authorization',
  'connection',
  'expect',
  'keep-alive',
  'te',
  'transfer-encoding',
  'user-agent',
  'via',
  'x-amzn-trace-id',
  'x-forwarded-for',
])

/**
 * The headers to add to a request so that S3 takes it as signed: X-Amz-Date, the payload hash, the session token
 * if there is one, and Authorization. Signs every header it is given that isn't a hop's own.
 */
export function signSigV4(request: SignRequest): string[] {
  const { credentials, payloadHash } = request
  const amzDate = formatAmzDate(request.nowMs)
  const added = ['X-Amz-Date', amzDate]
  if (request.service === 's3') added.push('X-Amz-Content-Sha256', payloadHash)
  if (credentials.sessionToken !== undefined) added.push('X-Amz-Security-Token', credentials.sessionToken)

  const parts = { method: request.method, target: request.target, headers: [...request.headers, ...added] }
  const signedHeaders = namesToSign(parts.headers)
  const scope = `${amzDate.slice(0, 8)}/${request.region}/${request.service}/aws4_request`
  const canonical = canonicalRequest(parts, signedHeaders, payloadHash)
  const signature = signatureOf(canonical, amzDate, scope, credentials.secretKey)
  added.push(
    'Authorization',
    `${algorithm} Credential=${credentials.accessKey}/${scope}, ` +
      `SignedHeaders=${signedHeaders.join(';')}, Signature=${signature}`,
  )
  return added
}

/**
 * Whether S3 would take this request's signature. `lookupSecret` gives the secret of an access key, undefined when
 * there is none. For aws-chunked uploads the seed signature is verified; the chunks' own signatures pass unread.
 */
export function verifySigV4(
  request: SignedParts,
  lookupSecret: (accessKey: string) => string | undefined,
  nowMs: number,
  scope: SigningScope = s3Scope,
): SigV4Verdict {
  const claim = readClaim(request)
  if (typeof claim === 'string') return denied(claim)
  if (claim.region !== scope.region || claim.service !== scope.service) return denied('wrong-scope')
  const secretKey = lookupSecret(claim.accessKey)
  if (secretKey === undefined) return denied('unknown-key')
  const untimely = timeliness(claim, nowMs)
  if (untimely !== undefined) return denied(untimely)
  if (!coversWhatS3Requires(request.headers, claim.signedHeaders)) return denied('headers-not-signed')

  const canonical = canonicalRequest(request, claim.signedHeaders, claim.payloadHash)
  const expected = signatureOf(canonical, claim.amzDate, claim.scope, secretKey)
  if (!equalInConstantTime(expected, claim.signature)) return mismatch(claim, canonical)
  return {
    kind: 'allowed',
    accessKey: claim.accessKey,
    signedHeaders: claim.signedHeaders,
    presigned: claim.expiresSeconds !== null,
    payloadHash: claim.payloadHash,
    validUntilMs: claim.signedAtMs + validityMs(claim),
  }
}

function denied(because: SigV4Denial): Denied {
  return { kind: 'denied', because }
}

function mismatch({ accessKey, signature, amzDate, scope }: Claim, canonical: string): Denied {
  const computed = { accessKey, signature, canonical, stringToSign: stringToSign(canonical, amzDate, scope) }
  return { ...denied('bad-signature'), computed }
}

/** What a request says of its own signature, parsed and not yet believed. */
interface Claim {
  readonly accessKey: string
  readonly region: string
  readonly service: string
  /** `20150830/us-east-1/s3/aws4_request` */
  readonly scope: string
  readonly signedHeaders: readonly string[]
  readonly signature: string
  readonly amzDate: string
  readonly signedAtMs: number
  readonly payloadHash: string
  /** Life of a presigned URL; null for a signature in the header. */
  readonly expiresSeconds: number | null
}

function readClaim(request: SignedParts): Claim | 'missing' | 'malformed' {
  const authorization = headerValue(request.headers, 'authorization')
  if (authorization !== undefined) return headerClaim(request.headers, authorization) ?? 'malformed'
  if (request.target.includes('X-Amz-Signature=')) return queryClaim(request) ?? 'malformed'
  return 'missing'
}

const authorizationPattern =
  /^AWS4-HMAC-SHA256 +Credential=([^, ]+), *SignedHeaders=([^, ]+), *Signature=([0-9a-f]{64})$/

function headerClaim(headers: HeaderList, authorization: string): Claim | undefined {
  const match = authorizationPattern.exec(authorization)
  const payloadHash = headerValue(headers, 'x-amz-content-sha256')
  const amzDate = headerValue(headers, 'x-amz-date') ?? fromHttpDate(headerValue(headers, 'date'))
  if (match === null || payloadHash === undefined || amzDate === undefined) return undefined
  return claim(match[1]!, match[2]!, match[3]!, amzDate, payloadHash, null)
}

function queryClaim(request: SignedParts): Claim | undefined {
  const parameters = new Map(queryPairs(queryOf(request.target)))
  const value = (name: string) => decode(parameters.get(name) ?? '')
  const expires = value('X-Amz-Expires')
  if (value('X-Amz-Algorithm') !== algorithm || !/^\d{1,6}$/.test(expires)) return undefined
  const expiresSeconds = Number(expires)
  if (expiresSeconds < 1 || expiresSeconds > maxPresignSeconds) return undefined
  const payloadHash = headerValue(request.headers, 'x-amz-content-sha256') ?? unsignedPayload
  return claim(
    value('X-Amz-Credential'),
    value('X-Amz-SignedHeaders'),
    value('X-Amz-Signature'),
    value('X-Amz-Date'),
    payloadHash,
    expiresSeconds,
  )
}

function claim(
  credential: string,
  signedHeaders: string,
  signature: string,
  amzDate: string,
  payloadHash: string,
  expiresSeconds: number | null,
): Claim | undefined {
  const credentialParts = /^(.+)\/((\d{8})\/([^/]+)\/([^/]+)\/aws4_request)$/.exec(credential)
  const signedAtMs = parseAmzDate(amzDate)
  if (credentialParts === null || signedAtMs === undefined) return undefined
  if (credentialParts[3] !== amzDate.slice(0, 8)) return undefined
  return {
    accessKey: credentialParts[1]!,
    region: credentialParts[4]!,
    service: credentialParts[5]!,
    scope: credentialParts[2]!,
    signedHeaders: signedHeaders.split(';'),
    signature,
    amzDate,
    signedAtMs,
    payloadHash,
    expiresSeconds,
  }
}

function validityMs(claim: Claim): number {
  return claim.expiresSeconds === null ? maxSkewMs : claim.expiresSeconds * 1000
}

function timeliness(claim: Claim, nowMs: number): 'skewed' | 'expired' | undefined {
  if (claim.signedAtMs > nowMs + maxSkewMs) return 'skewed'
  if (nowMs <= claim.signedAtMs + validityMs(claim)) return undefined
  return claim.expiresSeconds === null ? 'skewed' : 'expired'
}

/** S3 refuses a request in which Host or any x-amz-* header is outside the signature. */
function coversWhatS3Requires(headers: HeaderList, signedHeaders: readonly string[]): boolean {
  if (!signedHeaders.includes('host')) return false
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i]!.toLowerCase()
    if (name.startsWith('x-amz-') && !signedHeaders.includes(name)) return false
  }
  return true
}

function namesToSign(headers: HeaderList): string[] {
  const names = new Set<string>()
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i]!.toLowerCase()
    if (!unsignedNames.has(name)) names.add(name)
  }
  return [...names].sort()
}

function equalInConstantTime(expected: string, given: string): boolean {
  return expected.length === given.length && timingSafeEqual(Buffer.from(expected), Buffer.from(given))
}

let lastSecond = -1
let lastAmzDate = ''

function formatAmzDate(nowMs: number): string {
  const second = Math.floor(nowMs / 1000)
  if (second !== lastSecond) {
    lastSecond = second
    lastAmzDate = new Date(second * 1000).toISOString().replace(/[-:]|\.\d{3}/g, '')
  }
  return lastAmzDate
}

function parseAmzDate(text: string): number | undefined {
  const match = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(text)
  if (match === null) return undefined
  const [, year, month, day, hour, minute, second] = match
  const ms = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`)
  return Number.isNaN(ms) ? undefined : ms
}

/** A request may be dated by the standard Date header instead of X-Amz-Date. */
function fromHttpDate(date: string | undefined): string | undefined {
  const ms = date === undefined ? Number.NaN : Date.parse(date)
  return Number.isNaN(ms) ? undefined : formatAmzDate(ms)
}
