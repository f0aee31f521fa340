// Puts a data set into a store and writes the manifest: what every body read later is compared with.
import { hash } from 'node:crypto'
import { open, writeFile } from 'node:fs/promises'
import type { DatasetFile } from './dataset.ts'
import type { ManifestObject } from './handle.ts'

const concurrency = 8

/** Reads each file once, has `plant` store it, and writes one manifest line an object, in the data set's order. */
export async function seed(
  files: readonly DatasetFile[],
  manifestFile: string,
  plant: (key: string, body: Uint8Array, md5: string) => Promise<void>,
): Promise<readonly ManifestObject[]> {
  const objects: ManifestObject[] = new Array(files.length)
  let next = 0
  const work = async () => {
    for (let i = next++; i < files.length; i = next++) objects[i] = await seedOne(files[i]!, plant)
  }
  await Promise.all(Array.from({ length: concurrency }, work))
  await writeFile(manifestFile, objects.map((object) => `${JSON.stringify(object)}\n`).join(''))
  return objects
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
