// Which objects of the user's bucket a run reads, known by the digests of their bodies: read once, at the start.
import { createHash } from 'node:crypto'
import type { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { XMLParser } from 'fast-xml-parser'
import { messageOf, UsageError } from '../errors.ts'
import type { ExternalPlace, ExternalS3 } from './external-s3.ts'
import type { ManifestObject } from './handle.ts'
import { deal } from './roles.ts'
import { encodeKey, type S3Answer } from './s3-request.ts'

const maxObjects = 500
const maxTotalBytes = 256 * 2 ** 20
const concurrency = 8

/** The objects of a run, and where each lies in the user's bucket. */
export interface ExternalObject extends ManifestObject {
  readonly remoteKey: string
}

interface Found {
  readonly remoteKey: string
  readonly bytes: number
}

/** The first 500 objects or 256 MiB, whichever comes first. Throws a UsageError when they can't be read. */
export async function inventory(s3: ExternalS3, place: ExternalPlace): Promise<ExternalObject[]> {
  const found = await firstObjects(s3, place)
  if (found.length < 2) {
    throw new UsageError(`--origin ${place.origin}/${place.bucket} holds fewer than two objects to read`)
  }
  const objects: ExternalObject[] = new Array(found.length)
  let next = 0
  const work = async () => {
    for (let i = next++; i < found.length; i = next++) {
      const { remoteKey } = found[i]!
      const { role, prefix } = deal(i, found.length)
      objects[i] = {
        key: prefix + remoteKey,
        remoteKey,
        role,
        ...(await digestOf(s3, targetIn(place, remoteKey))),
      }
    }
  }
  await Promise.all(Array.from({ length: concurrency }, work))
  return objects
}

/** The request target of an object in the user's bucket. */
export function targetIn({ bucket }: ExternalPlace, remoteKey: string): string {
  return `/${encodeURIComponent(bucket)}/${encodeKey(remoteKey)}`
}

function get(s3: ExternalS3, target: string): Promise<S3Answer> {
  return s3.send({ method: 'GET', target, headers: [], body: null })
}

const listParser = new XMLParser({ isArray: (name) => name === 'Contents', parseTagValue: false })

async function firstObjects(s3: ExternalS3, place: ExternalPlace): Promise<Found[]> {
  const target = `/${encodeURIComponent(place.bucket)}?list-type=2&max-keys=${maxObjects}`
  const answer = await get(s3, target).catch((error) => {
    throw new UsageError(`--origin ${place.origin} can't be reached: ${messageOf(error)}`)
  })
  const text = (await buffer(answer.body as Readable)).toString()
  if (answer.status !== 200) {
    const why = /<Code>(.*?)<\/Code>/.exec(text)?.[1] ?? `status ${answer.status}`
    throw new UsageError(`--origin ${place.origin}/${place.bucket} can't be listed: ${why}`)
  }
  const contents = (listParser.parse(text).ListBucketResult.Contents ?? []) as { Key: string; Size: string }[]
  const all = contents.map(({ Key, Size }) => ({ remoteKey: Key, bytes: Number(Size) }))
  let total = 0
  return all.filter(({ bytes, remoteKey }) => {
    if (bytes === 0 || remoteKey.startsWith('breakwater/') || total + bytes > maxTotalBytes) return false
    total += bytes
    return true
  })
}

async function digestOf(
  s3: ExternalS3,
  target: string,
): Promise<Pick<ManifestObject, 'bytes' | 'sha256' | 'md5'>> {
  const answer = await get(s3, target)
  if (answer.status !== 200) throw new UsageError(`--origin: reading ${target} was answered ${answer.status}`)
  const sha256 = createHash('sha256')
  const md5 = createHash('md5')
  let bytes = 0
  for await (const chunk of answer.body as Readable) {
    bytes += chunk.length
    sha256.update(chunk)
    md5.update(chunk)
  }
  return { bytes, sha256: sha256.digest('hex'), md5: md5.digest('hex') }
}
