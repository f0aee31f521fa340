import t from 'tap'
import { createSignatures } from './signatures.ts'

const scope = { region: 'eu-west-1', service: 's3' }
const signatures = createSignatures([{ accessKey: 'AKIA', secretKey: 'secret' }], scope)
const nowMs = Date.UTC(2026, 0, 1)
const bare = { method: 'GET', target: '/b/k', headers: ['Host', 's3.test', 'x-amz-meta-a', '1'] }
const signed = { ...bare, headers: signatures.sign(bare, 'AKIA', nowMs) }

t.test('what it signs it verifies, with every header that was given', async (t) => {
  t.match(signatures.verify(signed, nowMs), { kind: 'valid', accessKey: 'AKIA', presigned: false })
  t.strictSame(signed.headers.slice(0, 4), bare.headers)
})

t.test('why a signature is not taken', async (t) => {
  const other = createSignatures([{ accessKey: 'AKIA', secretKey: 'other' }], scope)
  const elsewhere = createSignatures([{ accessKey: 'AKIA', secretKey: 'secret' }], {
    ...scope,
    region: 'us-east-1',
  })
  const authorization = (value: string) => ({ ...bare, headers: ['Host', 's3.test', 'Authorization', value] })
  t.match(signatures.verify(bare, nowMs), { kind: 'unsigned' })
  t.match(other.verify(signed, nowMs), { because: 'mismatch' })
  t.match(signatures.verify({ ...signed, target: '/b/other' }, nowMs), { because: 'mismatch' })
  t.match(signatures.verify({ ...signed, headers: [...signed.headers, 'x-amz-new', '1'] }, nowMs), {
    because: 'mismatch',
  })
  t.match(signatures.verify(signed, nowMs + 16 * 60_000), { because: 'skewed' })
  t.match(elsewhere.verify(signed, nowMs), { because: 'unsupported' })
  t.match(createSignatures([], scope).verify(signed, nowMs), { because: 'unknown-key' })
  t.match(signatures.verify(authorization('AWS4-HMAC-SHA256 nonsense'), nowMs), { because: 'malformed' })
  t.match(signatures.verify(authorization('AWS AKIA:sigv2'), nowMs), { because: 'unsupported' })
  t.match(signatures.verify(authorization('AWS4-ECDSA-P256-SHA256 x'), nowMs), { because: 'unsupported' })
})
