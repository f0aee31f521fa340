// s3rver's file store, mended: s3rver writes objects in place (a reader sees a torn body under an old ETag), waits for
// ever for an upload whose client left, crashes on a missing part, and gives multipart objects a plain MD5 as ETag.
// Knows how s3rver lays objects out: KEY._S3rver_object, its .md5, and KEY._S3rver_metadata.json.
import { createHash, randomUUID } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { mkdir, readdir, readFile, rename, rm, stat, unlink, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { S3ErrorCode } from './s3-error.ts'

const require = createRequire(import.meta.url)
const S3rverError = require('s3rver/lib/models/error') as new (code: S3ErrorCode, message: string) => Error

const objectSuffix = '._S3rver_object'

type Metadata = Readonly<Record<string, string>>

interface StoredObject {
  readonly bucket: string
  readonly key: string
  readonly content: Readable | Buffer
  readonly metadata: Metadata
  /** The ETag to keep instead of the body's MD5. */
  readonly etag?: string
}

interface Digest {
  readonly size: number
  readonly md5: string
}

/** The parts of s3rver's store that are used or replaced. */
export interface S3rverStore {
  readonly rootDirectory: string
  getResourcePath(bucket: string, key: string | undefined, resource: string): string
  getMetadata(bucket: string, key: string): Promise<Metadata>
  putMetadata(bucket: string, key: string, metadata: Metadata, md5?: string): Promise<void>
  getObject(
    bucket: string,
    key: string,
    options?: { start?: number; end?: number | string },
  ): Promise<unknown>
  putObject(object: StoredObject): Promise<Digest>
  copyObject(
    fromBucket: string,
    fromKey: string,
    toBucket: string,
    toKey: string,
    replacement: Metadata | null,
  ): Promise<Metadata>
  deleteObject(bucket: string, key: string): Promise<void>
  putPart(bucket: string, uploadId: string, part: number | string, content: Readable): Promise<Digest>
  putObjectMultipart(
    bucket: string,
    uploadId: string,
    parts: readonly { number: number; etag: string }[],
  ): Promise<Digest>
}

/** Replaces the store's broken methods; `spoolDir` is on the same file system and outside the store. */
export function mendStore(store: S3rverStore, spoolDir: string): void {
  const alone = keyedLock()
  const getObject = store.getObject.bind(store)

  store.getObject = (bucket, key, options) =>
    // s3rver takes an end of 0 for no end at all; the text '0' it takes as it is meant.
    alone(`${bucket}/${key}`, () =>
      getObject(bucket, key, options?.end === 0 ? { ...options, end: '0' } : options),
    )

  store.putObject = async (object) => {
    const { bucket, key } = object
    const path = store.getResourcePath(bucket, key, 'object')
    return spooled(object.content, spoolDir, async (file, digest) => {
      const md5 = object.etag ?? digest.md5
      await mkdir(dirname(path), { recursive: true })
      await alone(`${bucket}/${key}`, async () => {
        await rename(file, path)
        await store.putMetadata(bucket, key, object.metadata, md5)
      })
      return { size: digest.size, md5 }
    })
  }

  store.copyObject = async (fromBucket, fromKey, bucket, key, replacement) => {
    const metadata = await store.getMetadata(fromBucket, fromKey)
    const content = createReadStream(store.getResourcePath(fromBucket, fromKey, 'object'))
    const etag = metadata.etag?.replaceAll('"', '')
    await store.putObject({ bucket, key, content, metadata: replacement ?? metadata, ...(etag && { etag }) })
    return store.getMetadata(bucket, key)
  }

  // s3rver removes folders that became empty, under the feet of an upload into them.
  store.deleteObject = async (bucket, key) => {
    const names = ['object', 'object.md5', 'metadata.json'].map((name) =>
      store.getResourcePath(bucket, key, name),
    )
    await alone(`${bucket}/${key}`, () => Promise.all(names.map(unlinkIfThere)))
  }

  store.putPart = async (bucket, uploadId, part, content) => {
    const folder = await openUpload(store, bucket, uploadId)
    return spooled(content, spoolDir, async (file, digest) => {
      await writeFile(join(folder, `${part}.md5`), digest.md5)
      await rename(file, join(folder, String(part)))
      return digest
    })
  }

  store.putObjectMultipart = async (bucket, uploadId, parts) => {
    const folder = await openUpload(store, bucket, uploadId)
    const key = await readFile(join(folder, 'key'), 'utf8')
    const metadata = JSON.parse(await readFile(join(folder, 'metadata'), 'utf8'))
    const etag = await multipartEtag(folder, parts)
    const content = Readable.from(concatenated(parts.map((part) => join(folder, String(part.number)))))
    const digest = await store.putObject({ bucket, key, content, metadata, etag })
    await rm(folder, { recursive: true })
    return digest
  }
}

/** The folder of an upload that was begun and not yet completed or aborted. */
export async function openUpload(store: S3rverStore, bucket: string, uploadId: string): Promise<string> {
  const folder = join(store.getResourcePath(bucket, undefined, 'uploads'), uploadId)
  const exists = /^[0-9a-f]{32}$/.test(uploadId) && (await stat(folder).catch(() => null)) !== null
  if (!exists) throw new S3rverError('NoSuchUpload', 'The specified multipart upload does not exist.')
  return folder
}

/** MD5 of the parts' MD5s, and their number; refuses parts that are missing, changed or out of order. */
async function multipartEtag(
  folder: string,
  parts: readonly { number: number; etag: string }[],
): Promise<string> {
  const digests = createHash('md5')
  let previous = 0
  for (const { number, etag } of parts) {
    if (number <= previous) throw new S3rverError('InvalidPartOrder', 'The parts are not in ascending order.')
    previous = number
    const md5 = await readFile(join(folder, `${number}.md5`), 'utf8').catch(() => null)
    if (md5 === null || md5 !== etag) {
      throw new S3rverError('InvalidPart', 'One or more of the specified parts could not be found.')
    }
    digests.update(md5, 'hex')
  }
  return `${digests.digest('hex')}-${parts.length}`
}

async function* concatenated(files: readonly string[]): AsyncGenerator<Buffer> {
  for (const file of files) yield* createReadStream(file)
}

/** Writes a body to a file of its own; what becomes of the file is `keep`'s, and nothing is left if anything fails. */
async function spooled(
  content: Readable | Buffer,
  spoolDir: string,
  keep: (file: string, digest: Digest) => Promise<Digest>,
): Promise<Digest> {
  const file = join(spoolDir, randomUUID())
  const md5 = createHash('md5')
  let size = 0
  const count = async function* (chunks: AsyncIterable<Buffer>) {
    for await (const chunk of chunks) {
      md5.update(chunk)
      size += chunk.length
      yield chunk
    }
  }
  try {
    const source = Buffer.isBuffer(content) ? Readable.from([content]) : content
    await pipeline(source, count, createWriteStream(file))
    return await keep(file, { size, md5: md5.digest('hex') })
  } finally {
    await rm(file, { force: true })
  }
}

async function unlinkIfThere(path: string): Promise<void> {
  await unlink(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error
  })
}

/** Runs the acts on one key one after the other. */
function keyedLock(): <T>(key: string, act: () => Promise<T>) => Promise<T> {
  const tails = new Map<string, Promise<unknown>>()
  return (key, act) => {
    const run = (tails.get(key) ?? Promise.resolve()).then(act, act)
    tails.set(key, run)
    const forget = () => {
      if (tails.get(key) === run) tails.delete(key)
    }
    run.then(forget, forget)
    return run
  }
}

/** Every key of a bucket, in no order. */
export async function storedKeys(store: S3rverStore, bucket: string): Promise<string[]> {
  const root = join(store.rootDirectory, bucket)
  const entries = await readdir(root, { recursive: true, withFileTypes: true })
  return entries
    .filter((entry) => entry.isFile() && entry.name.endsWith(objectSuffix))
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1, -objectSuffix.length))
}

/** Puts an object where s3rver looks for it, without going through HTTP: for seeding. */
export async function plantObject(
  root: string,
  bucket: string,
  key: string,
  body: Uint8Array,
  md5: string,
): Promise<void> {
  const path = join(root, bucket, `${key}${objectSuffix}`)
  await mkdir(dirname(path), { recursive: true })
  await Promise.all([writeFile(path, body), writeFile(`${path}.md5`, md5)])
}
