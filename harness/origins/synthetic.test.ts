import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import {
  AbortMultipartUploadCommand,
  CopyObjectCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  HeadObjectCommand,
  PutObjectCommand,
  paginateListObjectsV2,
} from '@aws-sdk/client-s3'
import fc from 'fast-check'
import t from 'tap'
import { sdkClientFor } from './clients-sdk.ts'
import { type ManifestObject, originRegion } from './handle.ts'
import { startOrigin } from './start.ts'
import { syntheticPieces } from './synthetic-body.ts'
import { syntheticObjects } from './synthetic-objects.ts'

t.setTimeout(60_000)

const count = 60
const origin = await startOrigin({ kind: 'synthetic', dir: t.testdir(), seed: 5, objects: count })
t.teardown(() => origin.stop())
const client = sdkClientFor({ ...origin, scheme: 'https', address: origin.tlsAddress, region: originRegion })
t.teardown(() => client.destroy())
const manifest = readFileSync(origin.manifestFile, 'utf8').trim().split('\n')
const objects = manifest.map((line) => JSON.parse(line) as ManifestObject)
const { bucket: Bucket } = origin

async function read(Key: string, Range?: string): Promise<Buffer> {
  const { Body } = await client.send(new GetObjectCommand({ Bucket, Key, ...(Range && { Range }) }))
  return buffer(Body as Readable)
}

async function listed(): Promise<string[]> {
  const keys: string[] = []
  for await (const page of paginateListObjectsV2({ client, pageSize: 25 }, { Bucket })) {
    keys.push(...(page.Contents ?? []).map(({ Key }) => Key!))
  }
  return keys
}

const statusOf = (error: unknown) =>
  (error as { $metadata: { httpStatusCode: number } }).$metadata.httpStatusCode

t.test('any part of a body is the same as in the whole', async () => {
  const bytes = 600_000
  const whole = Buffer.concat([...syntheticPieces('x', 0, bytes - 1)])
  const position = fc.nat({ max: bytes - 1 })
  fc.assert(
    fc.property(position, position, (a, b) => {
      const [first, last] = a < b ? [a, b] : [b, a]
      return Buffer.concat([...syntheticPieces('x', first, last)]).equals(whole.subarray(first, last + 1))
    }),
    { numRuns: 50 },
  )
})

t.test('the objects follow from the seed, and many share few bodies', async (t) => {
  t.same(
    syntheticObjects(5, count).map(({ seed: _, ...object }) => ({ ...object, etag: `"${object.md5}"` })),
    objects,
  )
  t.not(syntheticObjects(6, 1)[0]!.sha256, objects[0]!.sha256)
  const many = syntheticObjects(1, 10_000)
  t.equal(new Set(many.map(({ key }) => key)).size, 10_000)
  t.equal(new Set(many.map(({ sha256 }) => sha256)).size, 4096)
  const sizes = many.map(({ bytes }) => bytes).sort((a, b) => a - b)
  t.ok(sizes[0]! < 200 && sizes[5000]! > 8_000 && sizes[5000]! < 16_000 && sizes.at(-1)! > 1_000_000)
})

t.test('every object is what the manifest says, whole and in part', async (t) => {
  for (const { key, bytes, sha256, md5 } of objects) {
    const body = await read(key)
    t.equal(createHash('sha256').update(body).digest('hex'), sha256, key)
    const head = await client.send(new HeadObjectCommand({ Bucket, Key: key }))
    t.same([head.ContentLength, head.ETag], [bytes, `"${md5}"`])
    t.ok((await read(key, 'bytes=-7')).equals(body.subarray(-7)), 'its end')
  }
  t.same(await listed(), objects.map(({ key }) => key).toSorted())
})

t.test('conditions are answered as S3 answers them', async (t) => {
  const { key: Key, md5, bytes } = objects[0]!
  const asked = (input: object) =>
    client
      .send(new GetObjectCommand({ Bucket, Key, ...input }))
      .then(({ $metadata }) => $metadata.httpStatusCode, statusOf)
  t.equal(await asked({ IfNoneMatch: `"${md5}"` }), 304)
  t.equal(await asked({ IfMatch: '"other"' }), 412)
  t.equal(await asked({ Range: `bytes=${bytes}-` }), 416)
  t.equal(await asked({ Key: 'none' }), 404)
})

t.test('what is written is kept, and what is overwritten or deleted is synthetic no more', async (t) => {
  const [overwritten, deleted, one, two, source] = objects.map(({ key }) => key) as [
    string,
    string,
    string,
    string,
    string,
  ]
  await client.send(new PutObjectCommand({ Bucket, Key: overwritten, Body: 'new' }))
  t.equal(String(await read(overwritten)), 'new')
  await client.send(new PutObjectCommand({ Bucket, Key: 'another', Body: 'more' }))
  await client.send(new DeleteObjectCommand({ Bucket, Key: deleted }))
  t.equal(await read(deleted).catch(statusOf), 404)
  const Delete = { Objects: [{ Key: one }, { Key: two }] }
  await client.send(new DeleteObjectsCommand({ Bucket, Delete }))
  t.equal(await read(two).catch(statusOf), 404)
  await client.send(
    new CopyObjectCommand({ Bucket, Key: 'copy', CopySource: `${Bucket}/${encodeURIComponent(source)}` }),
  )
  t.ok((await read('copy')).equals(await read(source)))
  const { UploadId } = await client.send(new CreateMultipartUploadCommand({ Bucket, Key: source }))
  await client.send(new AbortMultipartUploadCommand({ Bucket, Key: source, UploadId }))
  t.match(await origin.holds(source), { bytes: objects[4]!.bytes }, 'an aborted upload changes nothing')
  const kept = objects.map(({ key }) => key).filter((key) => ![deleted, one, two].includes(key))
  t.same(await listed(), [...kept, 'another', 'copy'].toSorted())
})
