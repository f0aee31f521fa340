import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdirSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import { GetObjectCommand } from '@aws-sdk/client-s3'
import t from 'tap'
import { verifySigV4 } from '../../proxy/adapters/sigv4.ts'
import { type ClientTarget, exercise, expectedObservations } from './clients.ts'
import { awsSdk, sdkClientFor } from './clients-sdk.ts'
import { externalPlace } from './external-s3.ts'
import { type ManifestObject, originRegion } from './handle.ts'
import { errorAnswer, type S3Refusal } from './s3-error.ts'
import { parseTarget } from './s3-request.ts'
import { startS3rver, storeRoot } from './s3rver.ts'
import { plantObject, storedKeys } from './s3rver-store.ts'
import { startOrigin } from './start.ts'

t.setTimeout(60_000)

// Somebody's own S3: plain HTTP on loopback, with a key of its own and signatures checked.
const dir = t.testdir({ theirs: {}, run: {} })
const theirs = { bucket: 'their-bucket', accessKey: 'THEIRKEY', secretKey: 'their-secret' }
const names = ['a.js', 'b c.js', 'd/é.js', 'e.js']
for (const name of names) {
  const md5 = createHash('md5').update(name).digest('hex')
  await plantObject(storeRoot(`${dir}/theirs`), theirs.bucket, name, Buffer.from(name), md5)
}
const s3rver = await startS3rver(`${dir}/theirs`, theirs.bucket)
const refused: string[] = []
const server = createServer(async (message, response) => {
  const request = { method: message.method!, target: message.url!, headers: message.rawHeaders }
  const verdict = verifySigV4(
    request,
    (key) => (key === theirs.accessKey ? theirs.secretKey : undefined),
    Date.now(),
  )
  if (verdict.kind === 'denied') {
    refused.push(verdict.because)
    response.writeHead(403).end('<Error><Code>SignatureDoesNotMatch</Code></Error>')
    return
  }
  const asked = s3rver.backend({ ...request, ...parseTarget(message.url!)!, body: message })
  const answer = await asked.catch((error: S3Refusal) => errorAnswer(error.code, '', ''))
  response.writeHead(answer.status, [...answer.headers])
  if (answer.body === null || answer.body instanceof Uint8Array) response.end(answer.body)
  else await pipeline(answer.body, response).catch(() => {})
}).listen(0, '127.0.0.1')
await once(server, 'listening')
t.teardown(async () => {
  server.close()
  server.closeAllConnections()
  await s3rver.stop()
})
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/${theirs.bucket}`
const aws = { AWS_ACCESS_KEY_ID: theirs.accessKey, AWS_SECRET_ACCESS_KEY: theirs.secretKey }

async function started(environment: Record<string, string>, name: string, at = url) {
  const before = { ...process.env }
  Object.assign(process.env, environment)
  mkdirSync(`${dir}/run/${name}`)
  try {
    return await startOrigin({ kind: 'external', url: at, dir: `${dir}/run/${name}`, seed: 1 })
  } finally {
    process.env = before
  }
}

const theirKeys = () => readKeys().then((keys) => keys.toSorted())
const readKeys = () => storedKeys({ rootDirectory: storeRoot(`${dir}/theirs`) } as never, theirs.bucket)

t.test('their objects are read, whatever the run writes is taken away again', async (t) => {
  const origin = await started(aws, 'good')
  const target: ClientTarget = {
    ...origin,
    scheme: 'https',
    address: origin.tlsAddress,
    region: originRegion,
  }
  const client = sdkClientFor(target)
  const lines = readFileSync(origin.manifestFile, 'utf8').trim().split('\n')
  const objects = lines.map((line) => JSON.parse(line) as ManifestObject)
  t.same(
    objects.map(({ key }) => key),
    ['artifacts/a.js', 'artifacts/b c.js', 'releases/d/é.js', 'artifacts/e.js'],
  )
  for (const { key: Key, sha256 } of objects) {
    const { Body } = await client.send(new GetObjectCommand({ Bucket: origin.bucket, Key }))
    t.equal(
      createHash('sha256')
        .update(await buffer(Body as Readable))
        .digest('hex'),
      sha256,
      Key,
    )
  }
  const sdk = await awsSdk.bind(target, dir)
  t.same(await exercise(sdk, 'clients/', dir), expectedObservations(sdk, 'clients/'))
  t.ok((await theirKeys()).length > names.length, 'the run wrote beside them')
  const deletion = await sdk.remove('artifacts/a.js').catch((error) => error.name)
  t.equal(deletion, 'AccessDenied', 'what the run did not write it does not delete')
  await sdk.close()
  client.destroy()
  await origin.stop()
  t.same(await theirKeys(), names.toSorted(), 'and took all of it away')
  t.same(refused, [])
})

t.test('what can’t be used is refused with one line', async (t) => {
  const table: [string, Record<string, string>, string, RegExp][] = [
    ['no-key', { ...aws, AWS_ACCESS_KEY_ID: '' }, url, /set AWS_ACCESS_KEY_ID/],
    ['wrong-key', { ...aws, AWS_SECRET_ACCESS_KEY: 'x' }, url, /can't be listed: SignatureDoesNotMatch/],
    ['no-bucket', aws, url.replace(/\/[^/]*$/, ''), /expected https:\/\/HOST\/BUCKET/],
    ['other-bucket', aws, `${url}-other`, /can't be listed: NoSuchBucket/],
    ['nobody', aws, 'http://127.0.0.1:1/bucket', /can't be reached/],
  ]
  for (const [name, environment, at, line] of table) {
    await t.rejects(started(environment, name, at), { name: 'UsageError', message: line }, name)
  }
})

t.test('AWS’s own environment variables are read', async (t) => {
  const place = externalPlace('https://s3.eu-west-1.amazonaws.com/my-bucket', {
    ...aws,
    AWS_REGION: 'eu-west-1',
    AWS_SESSION_TOKEN: 'token',
  })
  t.match(place, { host: 's3.eu-west-1.amazonaws.com', bucket: 'my-bucket', region: 'eu-west-1', ca: null })
  t.equal(place.credentials.sessionToken, 'token')
})
