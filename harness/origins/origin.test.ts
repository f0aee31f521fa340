import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { Agent, request } from 'node:https'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { connect } from 'node:tls'
import { PutObjectCommand } from '@aws-sdk/client-s3'
import { XMLParser } from 'fast-xml-parser'
import t from 'tap'
import { emptyPayloadHash, signSigV4 } from '../../proxy/adapters/sigv4.ts'
import { sdkClientFor } from './clients-sdk.ts'
import { type ManifestObject, type OriginFault, type OriginHandle, originRegion } from './handle.ts'
import { startOrigin } from './start.ts'

t.setTimeout(60_000)

const body = Buffer.from('0123456789'.repeat(1000))

const dir = t.testdir({ data: { a: '', b: 'never read', c: 'short-lived' }, empty: {} })
writeFileSync(join(dir, 'data', 'a'), body)
const s3 = await startOrigin({ kind: 's3rver', dir: `${dir}/origin`, dataset: `${dir}/data`, seed: 7 })
t.teardown(() => s3.stop())

interface Answer {
  status: number
  headers: NodeJS.Dict<string | string[]>
  body: Buffer
  /** How the body ended, when not well. */
  broken?: string
}

interface Ask {
  method?: string
  headers?: Record<string, string>
  send?: Buffer
  signed?: boolean
  nowMs?: number
  /** Stops sending after this many bytes and closes. */
  cutAfter?: number
}

/** One request on a connection of its own. Rejects when no answer comes. */
function ask(origin: OriginHandle, target: string, options: Ask = {}): Promise<Answer> {
  const { method = 'GET', signed = true, nowMs = Date.now() } = options
  const [host, port] = origin.tlsAddress.split(':')
  const plain = ['Host', origin.host, ...Object.entries(options.headers ?? {}).flat()]
  const added = signSigV4({
    method,
    target,
    headers: plain,
    payloadHash: options.send ? 'UNSIGNED-PAYLOAD' : emptyPayloadHash,
    credentials: origin.credentials,
    region: originRegion,
    service: 's3',
    nowMs,
  })
  return new Promise((resolve, reject) => {
    const agent = new Agent()
    const sent = request(
      {
        host,
        port,
        method,
        path: target,
        servername: origin.host,
        ca: readFileSync(origin.caFile),
        headers: signed ? [...plain, ...added] : plain,
        agent,
      },
      (response) => {
        const chunks: Buffer[] = []
        const done = (broken?: string) => {
          agent.destroy()
          const { statusCode: status, headers } = response
          resolve({ status: status!, headers, body: Buffer.concat(chunks), ...(broken && { broken }) })
        }
        response.on('data', (chunk) => chunks.push(chunk))
        response.on('end', () => done())
        response.on('error', (error) => done(error.message))
      },
    )
    sent.on('error', reject)
    if (options.cutAfter === undefined) sent.end(options.send)
    else sent.write(options.send!.subarray(0, options.cutAfter), () => sent.destroy())
  })
}

const codeOf = ({ body }: Answer) => /<Code>(\w+)<\/Code>/.exec(body.toString())?.[1]
const a = '/artifacts/artifacts/a'

t.test('objects are there as the manifest says, and only signed requests get them', async (t) => {
  const manifest = readFileSync(s3.manifestFile, 'utf8').trim().split('\n')
  const objects = manifest.map((line) => JSON.parse(line) as ManifestObject)
  t.same(
    objects.map(({ key, role }) => [key, role]),
    [
      ['artifacts/a', 'known'],
      ['artifacts/b', 'never-read'],
      ['releases/c', 'known'],
    ],
  )
  const read = await ask(s3, a)
  t.equal(read.status, 200)
  t.ok(read.body.equals(body))
  t.equal(read.headers.etag, `"${objects[0]!.md5}"`)
  t.same(await s3.holds('artifacts/a'), { bytes: body.length, md5: objects[0]!.md5 })
  t.equal(await s3.holds('artifacts/none'), null)

  const probe = await ask(s3, '/', { signed: false })
  t.same([probe.status, codeOf(probe)], [403, 'AccessDenied'], 'the router’s probe')
  t.equal(codeOf(await ask(s3, a, { signed: false })), 'AccessDenied')
  t.equal(codeOf(await ask(s3, a, { nowMs: Date.now() - 20 * 60_000 })), 'RequestTimeTooSkewed')
  const stranger = { ...s3, credentials: { accessKey: 'STRANGER', secretKey: 'x' } }
  t.equal(codeOf(await ask(stranger, a)), 'InvalidAccessKeyId')
  const forger = { ...s3, credentials: { ...s3.credentials, secretKey: 'x' } }
  t.equal(codeOf(await ask(forger, a)), 'SignatureDoesNotMatch')
  const otherHost = await ask({ ...s3, host: 'localhost' }, a).catch((error) => error.code)
  t.equal(otherHost, 'ERR_TLS_CERT_ALTNAME_INVALID')

  const { entries, missed } = await s3.requestLog(0)
  t.equal(missed, 0)
  t.match(entries[0], {
    sequence: 1,
    method: 'GET',
    key: 'artifacts/a',
    status: 200,
    bytes: 10_000,
    complete: true,
  })
  t.match(entries.at(-1), { status: 403, denied: 'bad-signature' })
  t.equal((await s3.requestLog(entries.length)).entries.length, 0)
})

t.test(
  'a signature that does not match is told with what it was checked against, and no secret',
  async (t) => {
    const forger = { ...s3, credentials: { ...s3.credentials, secretKey: 'x' } }
    const headers = { 'x-amz-security-token': 'TOKEN', 'X-Test': 'a  b' }
    const { body } = await ask(forger, `${a}?partNumber=2&uploadId=u`, { headers })
    const { Error: told } = new XMLParser({ parseTagValue: false }).parse(body.toString())
    t.equal(told.Code, 'SignatureDoesNotMatch')
    t.equal(told.AWSAccessKeyId, s3.credentials.accessKey)
    t.match(told.SignatureProvided, /^[0-9a-f]{64}$/)
    const [method, path, query, ...rest] = told.CanonicalRequest.split('\n')
    t.same([method, path, query], ['GET', a, 'partNumber=2&uploadId=u'])
    t.ok(rest.includes(`host:${s3.host}`))
    t.ok(rest.includes('x-test:a b'))
    t.match(
      told.StringToSign,
      /^AWS4-HMAC-SHA256\n\d{8}T\d{6}Z\n\d{8}\/us-east-1\/s3\/aws4_request\n[0-9a-f]{64}$/,
    )
    t.notMatch(body.toString(), new RegExp(`TOKEN|${s3.credentials.secretKey}`))
    const log = readFileSync(join(dir, 'origin', 'origin.log'), 'utf8')
    t.match(
      log,
      /SignatureDoesNotMatch[\s\S]*x-test:a b/,
      'also in its log, for clients that show only the message',
    )
    t.notMatch(log, /TOKEN/)
  },
)

t.test('conditional and partial reads are answered as S3 answers them, and leak no descriptor', async (t) => {
  const etag = String((await ask(s3, a)).headers.etag)
  const table: [Record<string, string>, number, Buffer?, string?][] = [
    [{ Range: 'bytes=0-0' }, 206, Buffer.from('0'), 'bytes 0-0/10000'],
    [{ Range: 'bytes=-5' }, 206, Buffer.from('56789'), 'bytes 9995-9999/10000'],
    [{ Range: 'bytes=9998-20000' }, 206, Buffer.from('89'), 'bytes 9998-9999/10000'],
    [{ Range: 'bytes=0-1,5-6' }, 200, body],
    [{ Range: 'bytes=10000-' }, 416],
    [{ Range: 'bytes=0-1', 'If-Range': '"other"' }, 200, body],
    [{ 'If-None-Match': `"x", ${etag}` }, 304, Buffer.alloc(0)],
    [{ 'If-Match': '"x"' }, 412],
  ]
  for (const [headers, status, expected, contentRange] of table) {
    const answer = await ask(s3, a, { headers })
    const name = JSON.stringify(headers)
    t.equal(answer.status, status, name)
    t.equal(answer.headers['content-range'], contentRange, name)
    if (expected) t.ok(answer.body.equals(expected), name)
  }
  const descriptors = () => (existsSync('/proc/self/fd') ? readdirSync(`/proc/${s3.pid}/fd`).length : 0)
  const before = descriptors()
  for (let i = 0; i < 30; i++) await ask(s3, a, { headers: { 'If-None-Match': etag } })
  t.ok(descriptors() - before < 15, `${before} open files before 30 times 304, ${descriptors()} after`)
  t.equal(
    (await ask(s3, a, { method: 'HEAD', headers: { Range: 'bytes=0-1' } })).headers['content-length'],
    '2',
  )
})

t.test('an upload counts only whole and as promised', async (t) => {
  const put = (headers: Record<string, string>, options: Ask = {}) =>
    ask(s3, '/artifacts/up', { method: 'PUT', send: body, headers, ...options })
  t.equal(
    codeOf(await put({ 'Content-MD5': 'AAAAAAAAAAAAAAAAAAAAAA==', 'Content-Length': '10000' })),
    'BadDigest',
  )
  t.equal(await s3.holds('up'), null, 'refused and not stored')
  await put({ 'Content-Length': '10000' }, { cutAfter: 5000 }).catch(() => {})
  await untilLogged('PUT', 2)
  t.equal(await s3.holds('up'), null, 'cut off and not stored')
  const { status } = await put({ 'Content-Length': '10000' })
  t.equal(status, 200)
  t.match(await s3.holds('up'), { bytes: 10_000 })
  const invited = await put({ 'Content-Length': '10000', Expect: '100-continue' })
  t.equal(invited.status, 200)
  const refused = await put({ 'Content-Length': '10000', Expect: '100-continue' }, { signed: false })
  t.equal(refused.status, 403, 'refused before its body is asked for')
})

async function untilLogged(method: string, count: number): Promise<void> {
  const logged = async () =>
    (await s3.requestLog(0)).entries.filter((entry) => entry.method === method).length
  while ((await logged()) < count) await new Promise((resolve) => setTimeout(resolve, 10))
}

t.test(
  'the SDK’s streamed upload with its checksum in the trailer is stored without its framing',
  async (t) => {
    const client = sdkClientFor({ ...s3, scheme: 'https', address: s3.tlsAddress, region: originRegion })
    t.teardown(() => client.destroy())
    const Body = Readable.from([body.subarray(0, 3000), body.subarray(3000)])
    await client.send(
      new PutObjectCommand({ Bucket: s3.bucket, Key: 'streamed', Body, ContentLength: body.length }),
    )
    t.ok((await ask(s3, '/artifacts/streamed')).body.equals(body))
  },
)

t.test('a read during an overwrite gets one version or the other, under its own ETag', async (t) => {
  const versions = ['x', 'y'].map((letter) => Buffer.alloc(300_000, letter))
  const put = (send: Buffer) =>
    ask(s3, '/artifacts/torn', { method: 'PUT', send, headers: { 'Content-Length': String(send.length) } })
  const etags: string[] = []
  for (const version of versions) etags.push(String((await put(version)).headers.etag))
  let writing = true
  const writer = (async () => {
    for (let i = 0; i < 40; i++) await put(versions[i % 2]!)
    writing = false
  })()
  let reads = 0
  while (writing) {
    const read = await ask(s3, '/artifacts/torn')
    const version = etags.indexOf(String(read.headers.etag))
    if (version < 0 || !read.body.equals(versions[version]!)) t.fail(`read ${reads} is torn`)
    reads++
  }
  await writer
  t.ok(reads > 5, `${reads} reads`)
})

t.test('each fault of S3 does what it says, is counted, and leaves nothing once cleared', async (t) => {
  const half = body.length / 2
  const table: [OriginFault['kind'], (answer: Answer) => unknown, unknown][] = [
    ['slow-down', (answer) => [answer.status, codeOf(answer)], [503, 'SlowDown']],
    ['internal-error', (answer) => [answer.status, codeOf(answer)], [500, 'InternalError']],
    ['forbidden', (answer) => [answer.status, codeOf(answer)], [403, 'AccessDenied']],
    ['error-with-200', (answer) => [answer.status, codeOf(answer)], [200, 'InternalError']],
    ['truncated', ({ body, broken }) => [body.length, broken], [half, 'aborted']],
    ['altered', (answer) => differingBits(answer.body, body), 1],
    [
      'wrong-etag',
      (answer) => [answer.headers.etag, answer.body.equals(body)],
      [`"${'0'.repeat(32)}"`, true],
    ],
    ['slow-first-byte', (answer) => answer.body.equals(body), true],
  ]
  for (const [kind, effect, expected] of table) {
    await s3.setFault({ id: 'it', kind, share: 1, prefix: 'artifacts/', delayMs: 30 })
    const startedMs = performance.now()
    t.same(effect(await ask(s3, a)), expected, kind)
    if (kind === 'slow-first-byte') t.ok(performance.now() - startedMs >= 30, 'delayed')
    t.equal((await ask(s3, '/artifacts/releases/c')).status, 200, `${kind} elsewhere`)
    t.same(await s3.clearFault('it'), { id: 'it', touched: 1 })
    const after = await ask(s3, a)
    t.same([after.status, after.body.equals(body)], [200, true], `${kind} is gone`)
  }
  await s3.setFault({ id: 'it', kind: 'overlong', share: 1, prefix: '' })
  t.ok((await rawRead(s3, a)) > body.length, 'more bytes than promised')
  t.same(await s3.clearFaults(), [{ id: 'it', touched: 1 }])
  t.same(await s3.clearFault('it'), { id: 'it', touched: 0 }, 'clearing twice is no error')
  await t.rejects(s3.setFault({ id: 'it', kind: 'no-such' as never, share: 1, prefix: '' }), /control/)
})

function differingBits(a: Buffer, b: Buffer): number {
  let bits = 0
  for (let i = 0; i < a.length; i++) {
    for (let differing = a[i]! ^ b[i]!; differing > 0; differing >>= 1) bits += differing & 1
  }
  return bits
}

/** Bytes after the head of an answer, up to the connection's end, whatever Content-Length says. */
function rawRead(s3: OriginHandle, target: string): Promise<number> {
  const [host, port] = s3.tlsAddress.split(':')
  const headers = ['Host', s3.host, 'Connection', 'close']
  const sign = { method: 'GET', target, headers, payloadHash: emptyPayloadHash, credentials: s3.credentials }
  headers.push(...signSigV4({ ...sign, region: originRegion, service: 's3', nowMs: Date.now() }))
  const lines = headers.map((text, i) => (i % 2 === 0 ? `${text}: ` : `${text}\r\n`)).join('')
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    const socket = connect({ host, port: Number(port), servername: s3.host, ca: readFileSync(s3.caFile) })
    socket.on('data', (chunk) => chunks.push(chunk))
    socket.on('end', () => {
      const all = Buffer.concat(chunks)
      resolve(all.length - all.indexOf('\r\n\r\n') - 4)
    })
    socket.on('error', reject)
    socket.write(`GET ${target} HTTP/1.1\r\n${lines}\r\n`)
  })
}

t.test('a fault touches its share of requests, the same ones for the same seed', async (t) => {
  const run = async () => {
    await s3.setFault({ id: 'some', kind: 'slow-down', share: 0.3, prefix: '' })
    const statuses: number[] = []
    for (let i = 0; i < 60; i++) statuses.push((await ask(s3, a)).status)
    const { touched } = await s3.clearFault('some')
    t.equal(touched, statuses.filter((status) => status === 503).length)
    return statuses
  }
  const first = await run()
  t.same(await run(), first)
  const share = first.filter((status) => status === 503).length / first.length
  t.ok(share > 0.1 && share < 0.5, `${share}`)
})

t.test('a wrong certificate is met by every new connection until the good one is back', async (t) => {
  const errors = {
    expired: 'CERT_HAS_EXPIRED',
    'wrong-name': 'ERR_TLS_CERT_ALTNAME_INVALID',
    'unknown-authority': 'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  }
  for (const kind of ['expired', 'wrong-name', 'unknown-authority'] as const) {
    await s3.setCertificate(kind)
    t.equal(await ask(s3, a).catch((error) => error.code), errors[kind])
    await s3.setCertificate('good')
    t.equal((await s3.handshakes())[kind], 1, 'the handshake that met it was counted')
    t.equal((await ask(s3, a)).status, 200)
  }
})

t.test('a data set that can’t be used ends in one line, with nothing left running', async (t) => {
  const started = startOrigin({ kind: 's3rver', dir: `${dir}/other`, dataset: `${dir}/empty`, seed: 1 })
  await t.rejects(started, { name: 'UsageError', message: /holds 0 files/ })
})

t.test('a port in use ends in one line too, although the store listens already', async (t) => {
  const port = Number(s3.tlsAddress.split(':')[1])
  const started = startOrigin({ kind: 's3rver', dir: `${dir}/third`, dataset: `${dir}/data`, seed: 1, port })
  await t.rejects(started, { name: 'UsageError', message: /EADDRINUSE; give another --port/ })
})

t.test('a start that is stopped ends at once', async (t) => {
  const reason = new Error('Ctrl-C')
  const options = { kind: 's3rver', dir: `${dir}/fourth`, dataset: `${dir}/data`, seed: 1 } as const
  await t.rejects(startOrigin(options, AbortSignal.abort(reason)), { message: 'Ctrl-C' })
})

t.test('a key that would leave the bucket’s folder is refused', async (t) => {
  t.equal((await ask(s3, '/artifacts/x/../../origin.json')).status, 400)
  t.equal((await ask(s3, '/artifacts/%2e%2e/origin.json')).status, 400)
})
