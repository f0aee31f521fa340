import t from 'tap'
import { canonicalPath, originForm, subjectOf, withoutSignature } from './key.ts'
import { requestFacts } from './request-facts.ts'

const hosts = ['s3.test', 's3.eu-west-1.test']

const subject = (target: string, host = 's3.test', method = 'GET', headers: string[] = []) =>
  subjectOf({ method, target }, requestFacts(['Host', host, ...headers]), hosts)

function keyOf(...args: Parameters<typeof subject>): string {
  const found = subject(...args)
  return found.kind === 'object' ? found.key : `pass: ${found.because}`
}

t.test('key confusion: the key is the bytes S3 would see, not the normalised URL', async (t) => {
  const same: [string, string, ...string[]][] = [
    ['/maps/a/b', 'maps/a/b'],
    ['/maps/a%2Fb', 'maps/a/b'],
    ['/maps/a%2fb', 'maps/a/b'],
    ['/maps/%61', 'maps/a'],
    ['/maps/a:b', 'maps/a%3Ab'],
    ['/maps/a%3ab', 'maps/a%3Ab'],
    ['/maps/a b', 'maps/a%20b'],
    ['/maps/\u00c3\u00a9', 'maps/%C3%A9'],
    ['/maps/a+b', 'maps/a+b'],
    ['/maps/a%2Bb', 'maps/a%2Bb'],
    ['/maps//a', 'maps//a'],
    ['/maps/a/../b', 'maps/a/../b'],
    ['/maps/a?', 'maps/a'],
    ['/maps/a?&', 'maps/a'],
    ['/maps/a?x-id=GetObject', 'maps/a'],
    ['/maps/a?X-Amz-Date=1&X-Amz-Signature=2&X-Amz-Expires=3', 'maps/a'],
    ['/maps/a?AWSAccessKeyId=1&Expires=2&Signature=3', 'maps/a'],
    ['/maps/a?versionId=1', 'maps/a?versionId=1'],
    ['/maps/a?response-expires=0&partNumber=2&x-id=x', 'maps/a?partNumber=2&response-expires=0'],
    ['http://s3.test/maps/a', 'maps/a'],
    ['http://maps.s3.test/a', 'maps/a', 'other.test'],
    ['http://s3.test?versionId=1', 'pass: bucket-request'],
    ['/a/b', 'maps/a/b', 'maps.s3.test'],
    ['/a/b', 'maps/a/b', 'MAPS.S3.TEST:8443'],
    ['/a/b', 'maps/a/b', 'maps.s3.test.'],
    ['/a', 'dotted.maps/a', 'dotted.maps.s3.eu-west-1.test'],
  ]
  for (const [target, expected, host] of same)
    t.equal(keyOf(target, host), expected, `${host ?? ''} ${target}`)
})

t.test('a Host that is not known to be the origin keeps its objects apart', async (t) => {
  t.equal(keyOf('/maps/a', 'localhost:8000'), '//localhost/maps/a')
  t.not(keyOf('/maps/a', 'evil.test'), keyOf('/maps/a', 's3.test'))
  t.not(keyOf('/maps/a', 'xs3.test'), keyOf('/maps/a', 's3.test'))
  t.equal(keyOf('/maps/a', ''), '///maps/a')
})

t.test('what isn’t a plain read of an object is passed, with its reason', async (t) => {
  const cases: [string, string, string, string[]?][] = [
    ['GET', '/', 'bucket-request'],
    ['GET', '/maps', 'bucket-request'],
    ['GET', '/maps/', 'bucket-request'],
    ['GET', '/maps/?list-type=2', 'bucket-request'],
    ['PUT', '/maps/a', 'method'],
    ['POST', '/maps?delete', 'method'],
    ['GET', '/maps/a?unknown', 'unknown-query'],
    ['GET', '/maps/%zz', 'malformed-target'],
    ['OPTIONS', '*', 'malformed-target'],
    ['GET', '/maps/a', 'sse-c', ['x-amz-server-side-encryption-customer-key', 'k']],
    ['GET', '/maps/a', 'requester-pays', ['X-Amz-Request-Payer', 'requester']],
    ...[
      'acl',
      'tagging',
      'torrent',
      'retention',
      'legal-hold',
      'attributes',
      'uploads',
      'uploadId=1',
      'select&select-type=2',
    ].map((query) => ['GET', `/maps/a?${query}`, 'sub-resource'] as [string, string, string]),
  ]
  for (const [method, target, because, headers] of cases) {
    const found = subject(target, 's3.test', method, headers)
    t.equal(found.kind === 'pass' && found.because, because, `${method} ${target}`)
  }
})

t.test('an Origin header is part of the key', async (t) => {
  t.not(keyOf('/maps/a', 's3.test', 'GET', ['Origin', 'https://a.test']), keyOf('/maps/a'))
})

t.test('canonical paths are stable: spelling a canonical path again changes nothing', async (t) => {
  for (let byte = 0; byte < 256; byte++) {
    const path = `/b/${String.fromCharCode(byte)}%${byte.toString(16).padStart(2, '0')}`
    const once = canonicalPath(path.replace('/b/%%', '/b/%25%'))
    t.equal(canonicalPath(once!), once)
  }
})

t.test('a signature is taken out of a target, and nothing else', async (t) => {
  t.equal(
    withoutSignature('/a%2f?versionId=1&X-Amz-Signature=x&x-id=G&response-expires=a%20b'),
    '/a%2f?versionId=1&x-id=G&response-expires=a%20b',
  )
  t.equal(withoutSignature('/a?X-Amz-Signature=x'), '/a')
  t.equal(withoutSignature('/a'), '/a')
  t.equal(originForm('http://s3.test/a?b'), '/a?b')
  t.equal(originForm('http://s3.test'), '/')
  t.equal(originForm('http://s3.test?a'), '/?a')
  t.equal(originForm('/http://x'), '/http://x')
})
