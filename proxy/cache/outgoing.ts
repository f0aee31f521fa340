// Makes the origin's request from a client's: under the client's own signature, or signed anew with a configured key. Flow.
import { type HeaderList, withoutHeaders } from '../object.ts'
import { ownHeaders } from '../policy/cache-status.ts'
import { type Claim, signedCondition } from '../policy/claim.ts'
import { endToEnd } from '../policy/hop-by-hop.ts'
import { originForm, withoutSignature } from '../policy/key.ts'
import { clientConditions } from '../policy/revalidation.ts'
import type { Clock, Signatures } from '../ports.ts'
import type { Exchange } from './exchange.ts'

export interface Outgoing {
  readonly method: string
  readonly target: string
  readonly headers: HeaderList
}

/** The request for the whole object with these conditions in place of the client's. Called again for each attempt. */
export type Compose = (conditions: HeaderList) => Outgoing

export function composer(exchange: Exchange, signatures: Signatures | null, clock: Clock): Compose {
  const { request, access, claim } = exchange
  const headers = endToEnd(request.headers, ownHeaders)
  const method = request.method
  const target = originForm(request.target)
  if (access.kind !== 'allowed' || access.signAs === null) {
    const unsigned = [...clientConditions].filter((name) => !claim?.signedHeaders.includes(name))
    const kept = withoutHeaders(headers, new Set(unsigned))
    return (conditions) => ({ method, target, headers: [...kept, ...conditions] })
  }
  if (!signatures) throw new Error('verify mode has no signatures port')
  const key = access.signAs
  const bare = {
    method,
    target: withoutSignature(target),
    headers: ready(withoutHeaders(headers, clientConditions), claim),
  }
  return (conditions) => {
    const parts = { ...bare, headers: [...bare.headers, ...conditions] }
    return { ...parts, headers: signatures.sign(parts, key, clock.wallMs()) }
  }
}

/**
 * The condition or range that keeps this request from being made one for the whole object: the client has signed it,
 * and its signature is the one that S3 will see. null when there is none.
 */
export function signedObstacle({ access, claim }: Exchange): string | null {
  const isSignedAnew = access.kind === 'allowed' && access.signAs !== null
  return isSignedAnew ? null : signedCondition(claim)
}

/** Made anew with the signature, or (the length of no body) not sent at all, which a signature over it would not survive. */
const notSignedAgain = new Set([
  'authorization',
  'x-amz-date',
  'x-amz-content-sha256',
  'x-amz-security-token',
  'x-amz-checksum-mode',
  'date',
  'content-length',
  'expect',
])

/**
 * What may be signed in the client's name: no x-amz-* header that the client itself had not signed (or it could make the
 * proxy vouch for what it slipped in), and the digest that S3 gives only when asked for it.
 */
function ready(headers: HeaderList, claim: Claim | null): HeaderList {
  const kept: string[] = []
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i]!.toLowerCase()
    if (notSignedAgain.has(name)) continue
    if (name.startsWith('x-amz-') && !claim?.signedHeaders.includes(name)) continue
    kept.push(headers[i]!, headers[i + 1]!)
  }
  return [...kept, 'x-amz-checksum-mode', 'ENABLED']
}
