import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { getSignedUrl } from '@aws-sdk/s3-request-presigner'
import t from 'tap'
import { headerValue } from '../object.ts'
import { type SignedParts, signSigV4, verifySigV4 } from './sigv4.ts'
import { canonicalRequest, signatureOf } from './sigv4-canonical.ts'

interface SuiteCase {
  name: string
  request: string
  headerCanonical: string
  headerSigned: string
  queryCanonical: string
  querySigned: string
  accessKey: string
  secretKey: string
  sessionToken?: string
  signBody: boolean
}
const suite = JSON.parse(
  readFileSync(new URL('./testdata/aws-sigv4-suite.json', import.meta.url), 'utf8'),
) as { signedAt: string; cases: SuiteCase[] }

/** Paths are normalised in these; S3 is the one service that never does, and the `-unnormalized` twins cover it. */
const notS3 =
  /^get-(relative|relative-relative|slash|slashes|slash-dot-slash|slash-pointless-dot)-normalized$/
const s3Cases = suite.cases.filter(({ name }) => !notS3.test(name))
const suiteScope = '20150830/us-east-1/service/aws4_request'
const suiteDate = '20150830T123600Z'

interface ParsedRequest extends SignedParts {
  headers: string[]
  body: string
}

/** The suite's raw text, with folded header lines unfolded, as Node's parser would give it. */
function parse(text: string): ParsedRequest {
  const bytes = Buffer.from(text, 'utf8').toString('latin1')
  const [head = '', body = ''] = bytes.split(/\n\n/, 2)
  const [requestLine = '', ...lines] = head.replace(/\n[ \t]+/g, ' ').split('\n')
  const [, method = '', target = ''] = /^(\S+) (.*) HTTP\/1\.1$/.exec(requestLine)!
  const headers = lines.filter(Boolean).flatMap((line) => {
    const colon = line.indexOf(':')
    return [line.slice(0, colon), line.slice(colon + 1)]
  })
  return { method, target, headers, body }
}

const sha256 = (text: string) => createHash('sha256').update(text, 'latin1').digest('hex')

t.test("AWS's published suite: signatures in the Authorization header", async (t) => {
  t.ok(s3Cases.length >= 30, 'the suite is there')
  for (const c of s3Cases) {
    const signed = parse(c.headerSigned)
    const authorization = headerValue(signed.headers, 'authorization')!
    const names = /SignedHeaders=([^,]+)/.exec(authorization)![1]!.split(';')
    const canonical = canonicalRequest(signed, names, sha256(signed.body))
    t.equal(canonical, Buffer.from(c.headerCanonical).toString('latin1'), `${c.name}: canonical request`)
    const signature = signatureOf(canonical, suiteDate, suiteScope, c.secretKey)
    t.equal(signature, /Signature=(\w+)/.exec(authorization)![1], `${c.name}: signature`)
  }
})

t.test("AWS's published suite: signatures in the URL", async (t) => {
  for (const c of s3Cases) {
    const signed = parse(c.querySigned)
    const names = decodeURIComponent(/X-Amz-SignedHeaders=([^&]+)/.exec(signed.target)![1]!).split(';')
    // A token that was added after signing is not covered by the signature.
    const target = c.sessionToken ? signed.target : signed.target.replace(/&X-Amz-Security-Token=[^&]*/, '')
    const canonical = canonicalRequest({ ...signed, target }, names, sha256(signed.body))
    t.equal(canonical, Buffer.from(c.queryCanonical).toString('latin1'), `${c.name}: canonical request`)
    const signature = signatureOf(canonical, suiteDate, suiteScope, c.secretKey)
    t.equal(signature, /X-Amz-Signature=(\w+)/.exec(signed.target)![1], `${c.name}: signature`)
  }
})

t.test("AWS's published suite: signing gives the same Authorization", async (t) => {
  for (const c of s3Cases) {
    const request = parse(c.request)
    const payloadHash = sha256(request.body)
    if (c.signBody) request.headers.push('X-Amz-Content-Sha256', payloadHash)
    const added = signSigV4({
      ...request,
      payloadHash,
      credentials: c,
      region: 'us-east-1',
      service: 'service',
      nowMs: Date.parse(suite.signedAt),
    })
    t.equal(
      headerValue(added, 'authorization'),
      headerValue(parse(c.headerSigned).headers, 'authorization'),
      c.name,
    )
  }
})

const credentials = { accessKey: 'AKIDEXAMPLE', secretKey: 'secret/with+odd=chars' }
const nowMs = Date.parse('2026-03-01T12:00:00Z')
const lookup = (key: string) => (key === credentials.accessKey ? credentials.secretKey : undefined)

function signedGet(change: Partial<ParsedRequest> = {}): SignedParts & { headers: string[] } {
  const request = {
    method: 'GET',
    target: '/bucket/a%20key?versionId=1',
    headers: ['Host', 's3.breakwater.test', 'Range', 'bytes=0-9'],
    ...change,
  }
  const added = signSigV4({
    ...request,
    payloadHash: 'UNSIGNED-PAYLOAD',
    credentials,
    region: 'us-east-1',
    service: 's3',
    nowMs,
  })
  return { ...request, headers: [...request.headers, ...added] }
}

const because = (request: SignedParts, at = nowMs) => {
  const verdict = verifySigV4(request, lookup, at)
  return verdict.kind === 'allowed' ? 'allowed' : verdict.because
}

const replace = (request: SignedParts, name: string, value: string): SignedParts => ({
  ...request,
  headers: request.headers.map((text, i) => (i % 2 === 1 && request.headers[i - 1] === name ? value : text)),
})

t.test('what we sign we verify, and the verdict says what must not be changed on the way', async (t) => {
  const verdict = verifySigV4(signedGet(), lookup, nowMs)
  t.match(verdict, {
    kind: 'allowed',
    accessKey: 'AKIDEXAMPLE',
    presigned: false,
    payloadHash: 'UNSIGNED-PAYLOAD',
    signedHeaders: ['host', 'range', 'x-amz-content-sha256', 'x-amz-date'],
    validUntilMs: nowMs + 15 * 60_000,
  })
})

t.test('each refusal has its name', async (t) => {
  const good = signedGet()
  const authorization = headerValue(good.headers, 'authorization')!
  const minutes = 60_000
  const table: [string, SignedParts, string, number?][] = [
    ['no signature', { ...good, headers: ['Host', 's3.breakwater.test'] }, 'missing'],
    ['another scheme', replace(good, 'Authorization', 'AWS AKID:c2ln'), 'malformed'],
    ['a cut signature', replace(good, 'Authorization', authorization.slice(0, -1)), 'malformed'],
    [
      'no payload hash',
      { ...good, headers: good.headers.slice(0, 6).concat(good.headers.slice(8)) },
      'malformed',
    ],
    ['a date that is none', replace(good, 'X-Amz-Date', '20261301T120000Z'), 'malformed'],
    [
      'another region',
      replace(good, 'Authorization', authorization.replace('us-east-1', 'eu-west-1')),
      'wrong-scope',
    ],
    ['an unknown key', replace(good, 'Authorization', authorization.replace('AKID', 'XKID')), 'unknown-key'],
    ['another host', replace(good, 'Host', 'localhost:8000'), 'bad-signature'],
    ['a changed Range', replace(good, 'Range', 'bytes=0-99'), 'bad-signature'],
    [
      'a dropped Range',
      { ...good, headers: good.headers.slice(0, 2).concat(good.headers.slice(4)) },
      'bad-signature',
    ],
    ['another method', { ...good, method: 'DELETE' }, 'bad-signature'],
    ['another path', { ...good, target: '/bucket/b%20key?versionId=1' }, 'bad-signature'],
    ['another query', { ...good, target: '/bucket/a%20key?versionId=2' }, 'bad-signature'],
    [
      'an added x-amz header',
      { ...good, headers: [...good.headers, 'X-Amz-Acl', 'public-read'] },
      'headers-not-signed',
    ],
    ['15 minutes late', good, 'allowed', nowMs + 15 * minutes],
    ['over 15 minutes late', good, 'skewed', nowMs + 15 * minutes + 1000],
    ['over 15 minutes early', good, 'skewed', nowMs - 15 * minutes - 1000],
    [
      'an added unsigned If-None-Match',
      { ...good, headers: [...good.headers, 'If-None-Match', '"x"'] },
      'allowed',
    ],
    ['an added Via', { ...good, headers: ['Via', '1.1 router', ...good.headers] }, 'allowed'],
  ]
  for (const [name, request, expected, at] of table) t.equal(because(request, at), expected, name)
})

t.test('the path is a name: its escapes may be written another way, never normalised', async (t) => {
  const signed = signedGet({ target: '/bucket/a//b/../c%2Fd%21%28' })
  t.equal(because(signed), 'allowed')
  t.equal(because({ ...signed, target: '/bucket/a//b/../c/d!(' }), 'allowed', 'S3 reads %2F as a slash')
  t.equal(because({ ...signed, target: '/bucket/a/b/../c/d!(' }), 'bad-signature')
  t.equal(because({ ...signed, target: '/bucket/c%2Fd%21%28' }), 'bad-signature')
})

t.test('an aws-chunked upload is verified by its seed signature; the chunks pass', async (t) => {
  const request = {
    method: 'PUT',
    target: '/bucket/key',
    headers: ['Host', 's3.breakwater.test', 'Content-Encoding', 'aws-chunked', 'Content-Length', '66824'],
  }
  const payloadHash = 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD'
  const added = signSigV4({ ...request, payloadHash, credentials, region: 'us-east-1', service: 's3', nowMs })
  const signed = { ...request, headers: [...request.headers, ...added] }
  t.match(verifySigV4(signed, lookup, nowMs), { kind: 'allowed', payloadHash })
  t.equal(because(replace(signed, 'Content-Length', '66825')), 'bad-signature')
})

/** What an SDK really sends: everything it says to a server of ours. */
async function captured(act: (endpoint: string) => Promise<unknown>): Promise<SignedParts[]> {
  const seen: SignedParts[] = []
  const server = createServer((request, response) => {
    seen.push({ method: request.method!, target: request.url!, headers: request.rawHeaders })
    request.resume().on('end', () => response.writeHead(200, { etag: '"x"' }).end())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  try {
    await act(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  } finally {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
  return seen
}

const sdkClient = (endpoint: string) =>
  new S3Client({
    endpoint,
    region: 'us-east-1',
    forcePathStyle: true,
    maxAttempts: 1,
    credentials: { accessKeyId: credentials.accessKey, secretAccessKey: credentials.secretKey },
  })

const oddKey = "dir/it's a (key)+~*!&=@é€.map"

t.test('requests of the AWS SDK for JavaScript are accepted, with odd keys too', async (t) => {
  const seen = await captured(async (endpoint) => {
    const client = sdkClient(endpoint)
    await client.send(
      new GetObjectCommand({ Bucket: 'b', Key: oddKey, Range: 'bytes=0-9', IfNoneMatch: '"e"' }),
    )
    await client.send(
      new PutObjectCommand({
        Bucket: 'b',
        Key: oddKey,
        Body: Buffer.alloc(9000, 'x'),
        Metadata: { note: 'two  spaces' },
      }),
    )
    client.destroy()
  })
  t.equal(seen.length, 2)
  for (const request of seen) t.equal(because(request, Date.now()), 'allowed', request.method)
})

t.test('presigned URLs hold until they expire, whatever headers come along', async (t) => {
  const client = sdkClient('https://s3.breakwater.test')
  const signingDate = new Date(nowMs)
  const url = new URL(
    await getSignedUrl(
      client as never,
      new GetObjectCommand({ Bucket: 'b', Key: oddKey, ResponseContentType: 'text/x y+z' }) as never,
      { expiresIn: 3600, signingDate },
    ),
  )
  client.destroy()
  const target = url.pathname + url.search
  const request: SignedParts = {
    method: 'GET',
    target,
    headers: ['Host', 's3.breakwater.test', 'Range', 'bytes=0-9'],
  }
  t.match(verifySigV4(request, lookup, nowMs), {
    kind: 'allowed',
    presigned: true,
    validUntilMs: nowMs + 3_600_000,
  })
  const table: [string, SignedParts, number, string][] = [
    ['in its last second', request, nowMs + 3_600_000, 'allowed'],
    ['past its time', request, nowMs + 3_601_000, 'expired'],
    ['from the future', request, nowMs - 16 * 60_000, 'skewed'],
    [
      'stretched',
      { ...request, target: target.replace('Expires=3600', 'Expires=7200') },
      nowMs,
      'bad-signature',
    ],
    ['over seven days', { ...request, target: target.replace('=3600', '=604801') }, nowMs, 'malformed'],
    ['for no time', { ...request, target: target.replace('=3600', '=0') }, nowMs, 'malformed'],
    ['another key', { ...request, target: target.replace('dir', 'dirt') }, nowMs, 'bad-signature'],
    ['another content type', { ...request, target: target.replace('text', 'html') }, nowMs, 'bad-signature'],
  ]
  for (const [name, changed, at, expected] of table) t.equal(because(changed, at), expected, name)
})
