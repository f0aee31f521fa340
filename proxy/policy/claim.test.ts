import t from 'tap'
import { claimOf, presignedExpired, signedCondition } from './claim.ts'
import { requestFacts } from './request-facts.ts'

const claim = (headers: string[], target = '/b/k') => claimOf(requestFacts(headers), target)
const sigV4 =
  'AWS4-HMAC-SHA256 Credential=AKIA/20260101/us-east-1/s3/aws4_request, SignedHeaders=host;Range, Signature=ab'

t.test('whose a request claims to be', async (t) => {
  t.equal(claim([]), null)
  t.equal(claim([], '/b/k?versionId=1'), null)
  t.match(claim(['authorization', sigV4, 'X-Amz-Date', '1']), {
    accessKey: 'AKIA',
    signedHeaders: ['host', 'range'],
  })
  t.match(claim(['Authorization', 'AWS AKIA:sig']), { accessKey: 'AKIA', signedHeaders: [] })
  t.match(claim(['Authorization', 'Bearer x']), { accessKey: '' })
  t.match(claim([], '/b/k?X-Amz-Credential=AKIA%2F2026&X-Amz-SignedHeaders=host%3Brange&X-Amz-Signature=1'), {
    accessKey: 'AKIA',
    signedHeaders: ['host', 'range'],
  })
  t.match(claim([], '/b/k?AWSAccessKeyId=AKIA&Signature=1&Expires=2'), { accessKey: 'AKIA' })
})

t.test('a proof differs with everything that S3 would check', async (t) => {
  const proofs = [
    claim(['Authorization', sigV4, 'X-Amz-Date', '1']),
    claim(['Authorization', sigV4, 'X-Amz-Date', '2']),
    claim(['Authorization', `${sigV4}c`, 'X-Amz-Date', '1']),
    claim([], '/b/k?X-Amz-Signature=1'),
    claim([], '/b/k?X-Amz-Signature=1&versionId=2'),
  ].map((found) => found?.proof)
  t.equal(new Set(proofs).size, proofs.length)
})

t.test('a condition under the signature can’t be changed on the way', async (t) => {
  t.equal(signedCondition(null), null)
  t.equal(signedCondition(claim(['authorization', sigV4])), 'range')
  t.equal(signedCondition(claim(['authorization', sigV4.replace('Range', 'if-none-match')])), 'if-none-match')
  t.equal(signedCondition(claim(['authorization', sigV4.replace(';Range', '')])), null)
})

t.test('when a presigned URL is over', async (t) => {
  const nowMs = Date.UTC(2026, 0, 1, 12)
  const cases: [string, boolean][] = [
    ['', false],
    ['?versionId=1', false],
    ['?X-Amz-Date=20260101T115900Z&X-Amz-Expires=60', false],
    ['?X-Amz-Date=20260101T115900Z&X-Amz-Expires=59', true],
    ['?X-Amz-Date=20251226T120000Z&X-Amz-Expires=604800', false],
    ['?X-Amz-Date=20260101T115900Z&X-Amz-Expires=604801', true],
    ['?X-Amz-Date=20260101T115900Z&X-Amz-Expires=', true],
    ['?X-Amz-Date=today&X-Amz-Expires=60', true],
    ['?X-Amz-Expires=60', true],
    [`?Signature=a&Expires=${nowMs / 1000}`, false],
    [`?Signature=a&Expires=${nowMs / 1000 - 1}`, true],
    ['?Expires=1', false],
  ]
  for (const [query, expired] of cases) t.equal(presignedExpired(`/b/k${query}`, nowMs), expired, query)
})
