// SigV4 with the configured keys, as the cache's flow sees it.
import { headerValue } from '../object.ts'
import type { Signatures, SignatureVerdict, SignedParts } from '../ports.ts'
import { emptyPayloadHash, type SigningScope, type SigV4Denial, signSigV4, verifySigV4 } from './sigv4.ts'

export interface KeyPair {
  readonly accessKey: string
  readonly secretKey: string
}

/** Keys of one region. What is signed for another region, or by another scheme than SigV4, is not ours to check. */
export function createSignatures(keys: readonly KeyPair[], scope: SigningScope): Signatures {
  const secrets = new Map(keys.map(({ accessKey, secretKey }) => [accessKey, secretKey]))
  return {
    verify(request, nowMs) {
      const verdict = verifySigV4(request, (accessKey) => secrets.get(accessKey), nowMs, scope)
      if (verdict.kind === 'denied')
        return isOtherScheme(request) ? invalid('unsupported') : denials[verdict.because]
      const { accessKey, signedHeaders, presigned } = verdict
      return { kind: 'valid', accessKey, signedHeaders, presigned }
    },
    sign(request, accessKey, nowMs) {
      const credentials = { accessKey, secretKey: secrets.get(accessKey)! }
      const signed = signSigV4({ ...request, ...scope, payloadHash: emptyPayloadHash, credentials, nowMs })
      return [...request.headers, ...signed]
    },
  }
}

/** SigV2, SigV4A and whatever else an S3 may take. */
function isOtherScheme({ headers }: SignedParts): boolean {
  const authorization = headerValue(headers, 'authorization')
  return authorization !== undefined && !authorization.startsWith('AWS4-HMAC-SHA256')
}

const invalid = (because: (SignatureVerdict & { kind: 'invalid' })['because']): SignatureVerdict => ({
  kind: 'invalid',
  because,
})

const denials: Readonly<Record<SigV4Denial, SignatureVerdict>> = {
  missing: { kind: 'unsigned' },
  malformed: invalid('malformed'),
  'wrong-scope': invalid('unsupported'),
  'unknown-key': invalid('unknown-key'),
  'bad-signature': invalid('mismatch'),
  'headers-not-signed': invalid('mismatch'),
  skewed: invalid('skewed'),
  expired: invalid('expired'),
}
