// Reads bodies from disk, block by block, and lets no block pass whose checksum is wrong.
import { ProxyError } from '../../errors.ts'
import { crc32 } from '../crc32.ts'
import type { FileSystem } from './file-system.ts'
import type { Handle } from './handles.ts'
import { blockBytes, blockCount, checksumSeed, fileBytes } from './layout.ts'

/** The file of a body that is being read. */
export interface OpenBody {
  readonly key: string
  readonly bodyBytes: number
  readonly handle: Omit<Handle, 'readMs'>
}

/**
 * Blocks `from` to `to` (inclusive) of a body, verified, in the memory of `into`, which has room for their checksums too.
 * Rejects with ProxyError `corrupt` when a block is short or wrong, and with the system's error when reading fails.
 */
export async function readBlocks(
  files: FileSystem,
  body: OpenBody,
  from: number,
  to: number,
  into: Buffer,
): Promise<Buffer> {
  const isWholeFile = from === 0 && to === blockCount(body.bodyBytes) - 1
  if (body.handle.checksums === null && isWholeFile) return readWholeFile(files, body, into)
  body.handle.checksums ??= await readChecksums(files, body)
  const start = from * blockBytes
  const bytes = await readExactly(files, body, start, into.subarray(0, endOf(body, to) - start))
  verify(body, bytes, body.handle.checksums, from)
  return bytes
}

/** The same at once; null when that isn't possible or the bytes are not what they should be, which `readBlocks` then tells. */
export function readBlocksNow(
  files: FileSystem,
  { bodyBytes, handle }: OpenBody,
  from: number,
  to: number,
  into: Buffer,
): Buffer | null {
  const { fd, serial, checksums } = handle
  if (checksums === null) return null
  const start = from * blockBytes
  const bytes = into.subarray(0, endOf({ bodyBytes }, to) - start)
  if (files.readNow(fd, bytes, start) !== bytes.length) return null
  return wrongBlock(bytes, serial, checksums, from) === null ? bytes : null
}

function endOf({ bodyBytes }: Pick<OpenBody, 'bodyBytes'>, block: number): number {
  return Math.min((block + 1) * blockBytes, bodyBytes)
}

async function readWholeFile(files: FileSystem, body: OpenBody, into: Buffer): Promise<Buffer> {
  const buffer = await readExactly(files, body, 0, into.subarray(0, fileBytes(body.bodyBytes)))
  const checksums = decodeChecksums(buffer.subarray(body.bodyBytes))
  const bytes = buffer.subarray(0, body.bodyBytes)
  verify(body, bytes, checksums, 0)
  body.handle.checksums = checksums
  return bytes
}

async function readChecksums(files: FileSystem, body: OpenBody): Promise<Uint32Array> {
  const buffer = Buffer.allocUnsafeSlow(4 * blockCount(body.bodyBytes))
  return decodeChecksums(await readExactly(files, body, body.bodyBytes, buffer))
}

async function readExactly(
  files: FileSystem,
  body: OpenBody,
  position: number,
  buffer: Buffer,
): Promise<Buffer> {
  const got = await files.read(body.handle.fd, buffer, position)
  if (got < buffer.length) throw corrupt(body.key, `the file ends ${buffer.length - got} bytes early`)
  return buffer
}

function verify(body: OpenBody, bytes: Buffer, checksums: ArrayLike<number>, firstBlock: number): void {
  const wrong = wrongBlock(bytes, body.handle.serial, checksums, firstBlock)
  if (wrong !== null) throw corrupt(body.key, `block ${wrong} has a wrong checksum`)
}

/** The first block whose bytes are not what was written, or null. */
function wrongBlock(
  bytes: Buffer,
  serial: number,
  checksums: ArrayLike<number>,
  firstBlock: number,
): number | null {
  for (let at = 0, block = firstBlock; at < bytes.length; at += blockBytes, block += 1) {
    const seen = crc32(bytes.subarray(at, at + blockBytes), checksumSeed(serial, block))
    if (seen !== checksums[block]) return block
  }
  return null
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
