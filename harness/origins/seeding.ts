// Puts a data set into a store and writes the manifest: what every body read later is compared with.
import { hash } from 'node:crypto'
import { open, writeFile } from 'node:fs/promises'
import type { DatasetFile } from './dataset.ts'
import type { ManifestObject } from './handle.ts'

const concurrency = 8

/** Reads each file once and has `plant` store it; resolves with what was stored, in the data set's order. */
export async function seed(
  files: readonly DatasetFile[],
  plant: (key: string, body: Uint8Array, md5: string) => Promise<void>,
): Promise<readonly ManifestObject[]> {
  const objects: ManifestObject[] = new Array(files.length)
  let next = 0
  const work = async () => {
    for (let i = next++; i < files.length; i = next++) objects[i] = await seedOne(files[i]!, plant)
  }
  await Promise.all(Array.from({ length: concurrency }, work))
  return objects
}

/** One line an object, with what a manifest tells of one. `etags` is `md5` where S3's ETag is the MD5 for sure. */
export async function writeManifest(
  objects: readonly ManifestObject[],
  file: string,
  etags: 'md5' | 'unknown' = 'md5',
): Promise<void> {
  const lines = objects.map(({ key, bytes, sha256, md5, role }) =>
    JSON.stringify({ key, bytes, sha256, md5, ...(etags === 'md5' && { etag: `"${md5}"` }), role }),
  )
  await writeFile(file, `${lines.join('\n')}\n`)
}

async function seedOne(
  file: DatasetFile,
  plant: (key: string, body: Uint8Array, md5: string) => Promise<void>,
): Promise<ManifestObject> {
  const body = await readPiece(file)
  const md5 = hash('md5', body, 'hex')
  await plant(file.key, body, md5)
  return { key: file.key, bytes: body.length, sha256: hash('sha256', body, 'hex'), md5, role: file.role }
}

async function readPiece({ path, offset, bytes }: DatasetFile): Promise<Buffer> {
  await using file = await open(path)
  const body = Buffer.allocUnsafe(bytes)
  const { bytesRead } = await file.read(body, 0, bytes, offset)
  return body.subarray(0, bytesRead)
}
