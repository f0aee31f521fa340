// Reads what a request says of its own signature, without believing it: whose it claims to be, which headers it covers,
// and until when a presigned URL says it lives. Pure; verification is the Signatures port's.
import type { RequestFacts } from './request-facts.ts'

export interface Claim {
  /** The access key it names: public knowledge, no proof of anything. */
  readonly accessKey: string
  /** The signature with everything it came with: who repeats it exactly may do what it was allowed to. */
  readonly proof: string
  /** Lower-case names of the headers under the signature; those of SigV2 are none that a proxy changes. */
  readonly signedHeaders: readonly string[]
}

/** null for a request without a signature, in the header or in the URL. */
export function claimOf(facts: RequestFacts, target: string): Claim | null {
  const { authorization } = facts
  if (authorization !== undefined) return headerClaim(authorization, facts.amzDate ?? '')
  const query = queryOf(target)
  if (!/(?:^|&)(?:X-Amz-Signature|Signature)=/.test(query)) return null
  const credential =
    parameter(query, 'X-Amz-Credential')?.split('/', 1)[0] ?? parameter(query, 'AWSAccessKeyId')
  const signedHeaders = parameter(query, 'X-Amz-SignedHeaders')?.toLowerCase().split(';') ?? []
  return { accessKey: credential ?? '', proof: query, signedHeaders }
}

function headerClaim(authorization: string, amzDate: string): Claim {
  const accessKey =
    /Credential=([^/,\s]+)/.exec(authorization)?.[1] ?? /^AWS ([^:]+):/.exec(authorization)?.[1]
  const signed = /SignedHeaders=([^,\s]+)/.exec(authorization)?.[1]?.toLowerCase().split(';')
  return { accessKey: accessKey ?? '', proof: `${authorization} ${amzDate}`, signedHeaders: signed ?? [] }
}

const conditions = [
  'range',
  'if-match',
  'if-none-match',
  'if-modified-since',
  'if-unmodified-since',
  'if-range',
]

/** The first of the headers a whole-object fetch must change that the client has signed, so that it can't; null if none. */
export function signedCondition(claim: Claim | null): string | null {
  return claim === null ? null : (conditions.find((name) => claim.signedHeaders.includes(name)) ?? null)
}

/** Longest life of a presigned URL, as S3 grants it: seven days. */
const maxLifeSeconds = 7 * 86_400

/** Whether the URL itself says that its time is over, or that it would live longer than S3 lets it. */
export function presignedExpired(target: string, wallMs: number): boolean {
  const query = queryOf(target)
  if (query === '') return false
  const lifeSeconds = parameter(query, 'X-Amz-Expires')
  if (lifeSeconds === undefined) return expiredV2(query, wallMs)
  const signedAtMs = amzDateMs(parameter(query, 'X-Amz-Date') ?? '')
  const life = Number(lifeSeconds)
  return !(life <= maxLifeSeconds && wallMs <= signedAtMs + life * 1000)
}

/** SigV2 states the second at which it ends. */
function expiredV2(query: string, wallMs: number): boolean {
  const expires = parameter(query, 'Expires')
  return (
    expires !== undefined &&
    parameter(query, 'Signature') !== undefined &&
    !(wallMs <= Number(expires) * 1000)
  )
}

function amzDateMs(text: string): number {
  return Date.parse(text.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z'))
}

function queryOf(target: string): string {
  const mark = target.indexOf('?')
  return mark < 0 ? '' : target.slice(mark + 1)
}

function parameter(query: string, name: string): string | undefined {
  for (const part of query.split('&')) {
    if (part.startsWith(name) && part[name.length] === '=') return decoded(part.slice(name.length + 1))
  }
  return undefined
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
