import { hash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { GetObjectCommand } from '@aws-sdk/client-s3'
import t from 'tap'
import { sdkClientFor } from './clients-sdk.ts'
import { type ManifestObject, originRegion } from './handle.ts'
import { startOrigin } from './start.ts'

t.setTimeout(60_000)

const sizes = [3_000_001, 4096, 4096]

for (const kind of ['s3rver', 'synthetic'] as const) {
  t.test(
    `${kind}: objects of the sizes asked for stand beside the data set, each with bytes of its own`,
    async (t) => {
      const origin = await startOrigin({ kind, dir: t.testdir(), seed: 5, objects: 20, largeObjects: sizes })
      t.teardown(() => origin.stop())
      const client = sdkClientFor({
        ...origin,
        scheme: 'https',
        address: origin.tlsAddress,
        region: originRegion,
      })
      t.teardown(() => client.destroy())
      const manifest = readFileSync(origin.manifestFile, 'utf8').trim().split('\n')
      const objects = manifest.map((line) => JSON.parse(line) as ManifestObject)
      const large = objects.filter(({ key }) => key.startsWith('large/'))
      t.same(
        large.map(({ bytes }) => bytes),
        sizes,
      )
      t.equal(new Set(large.map(({ sha256 }) => sha256)).size, sizes.length)
      t.ok(objects.length > sizes.length)
      for (const { key, sha256, md5, role } of large) {
        const answer = await client.send(new GetObjectCommand({ Bucket: origin.bucket, Key: key }))
        t.equal(hash('sha256', await answer.Body!.transformToByteArray()), sha256)
        t.equal(answer.ETag, `"${md5}"`)
        t.equal(role, 'known')
      }
    },
  )
}
