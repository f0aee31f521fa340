// Reads bodies from disk, block by block, and lets no block pass whose checksum is wrong.
import { ProxyError } from '../../errors.ts'
import { crc32 } from '../crc32.ts'
import type { FileSystem } from './file-system.ts'
import type { Handle } from './handles.ts'
import { blockBytes, blockCount, checksumSeed } from './layout.ts'

/** The file of a body that is being read. */
export interface OpenBody {
  readonly key: string
  readonly bodyBytes: number
  readonly handle: Omit<Handle, 'readMs'>
}

/**
 * Blocks `from` to `to` (inclusive) of a body, verified, in one buffer.
 * Rejects with ProxyError `corrupt` when a block is short or wrong, and with the system's error when reading fails.
 */
export async function readBlocks(
  files: FileSystem,
  body: OpenBody,
  from: number,
  to: number,
): Promise<Buffer> {
  const isWholeFile = from === 0 && to === blockCount(body.bodyBytes) - 1
  if (body.handle.checksums === null && isWholeFile) return readWholeFile(files, body)
  body.handle.checksums ??= await readChecksums(files, body)
  const end = Math.min((to + 1) * blockBytes, body.bodyBytes)
  const buffer = await readExactly(files, body, from * blockBytes, end - from * blockBytes)
  verify(body, buffer, body.handle.checksums, from)
  return buffer
}

/**
 * A body of one block, verified, read at once; null when that isn't possible or the bytes are not what they should be,
 * which `readBlocks` then tells.
 */
export function readSmallNow(files: FileSystem, body: OpenBody): Buffer | null {
  const { fd, serial, checksums } = body.handle
  const buffer = Buffer.allocUnsafeSlow(body.bodyBytes)
  const got = files.readNow(fd, buffer, 0)
  if (got !== buffer.length || checksums === null) return null
  return crc32(buffer, checksumSeed(serial, 0)) === checksums[0] ? buffer : null
}

async function readWholeFile(files: FileSystem, body: OpenBody): Promise<Buffer> {
  const buffer = await readExactly(files, body, 0, body.bodyBytes + 4 * blockCount(body.bodyBytes))
  const checksums = decodeChecksums(buffer.subarray(body.bodyBytes))
  const bytes = buffer.subarray(0, body.bodyBytes)
  verify(body, bytes, checksums, 0)
  body.handle.checksums = checksums
  return bytes
}

async function readChecksums(files: FileSystem, body: OpenBody): Promise<Uint32Array> {
  return decodeChecksums(await readExactly(files, body, body.bodyBytes, 4 * blockCount(body.bodyBytes)))
}

async function readExactly(
  files: FileSystem,
  body: OpenBody,
  position: number,
  bytes: number,
): Promise<Buffer> {
  const buffer = Buffer.allocUnsafeSlow(bytes)
  const got = await files.read(body.handle.fd, buffer, position)
  if (got < bytes) throw corrupt(body.key, `the file ends ${bytes - got} bytes early`)
  return buffer
}

function verify(body: OpenBody, bytes: Uint8Array, checksums: ArrayLike<number>, firstBlock: number): void {
  for (let at = 0, block = firstBlock; at < bytes.length; at += blockBytes, block += 1) {
    const seen = crc32(bytes.subarray(at, at + blockBytes), checksumSeed(body.handle.serial, block))
    if (seen !== checksums[block]) throw corrupt(body.key, `block ${block} has a wrong checksum`)
  }
}

export function encodeChecksums(checksums: readonly number[]): Buffer {
  const buffer = Buffer.alloc(4 * checksums.length)
  for (const [block, checksum] of checksums.entries()) buffer.writeUInt32LE(checksum, 4 * block)
  return buffer
}

function decodeChecksums(buffer: Buffer): Uint32Array {
  const checksums = new Uint32Array(buffer.length / 4)
  for (let block = 0; block < checksums.length; block += 1) checksums[block] = buffer.readUInt32LE(4 * block)
  return checksums
}

function corrupt(key: string, why: string): ProxyError {
  return new ProxyError(`the stored body of ${key} is damaged: ${why}`, { code: 'corrupt', source: 'store' })
}
