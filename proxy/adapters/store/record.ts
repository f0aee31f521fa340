// An entry as the index keeps it: checksum, key, metadata as JSON, and the body when it is small.
//
//   CRC-32 of all that follows (4 bytes) | key length (4) | metadata length (4) | key | metadata | body
import { crc32 } from 'node:zlib'
import type { EntryMeta } from '../../object.ts'

const headBytes = 12

export interface EntryRecord {
  readonly key: string
  readonly meta: EntryMeta
  /** The body when it is kept in the index, else null. */
  readonly inline: Uint8Array | null
}

export function encodeRecord({ key, meta, inline }: EntryRecord): Buffer {
  const keyBytes = Buffer.from(key)
  const metaBytes = Buffer.from(JSON.stringify(meta))
  const head = Buffer.alloc(headBytes)
  head.writeUInt32LE(keyBytes.length, 4)
  head.writeUInt32LE(metaBytes.length, 8)
  const record = Buffer.concat([head, keyBytes, metaBytes, inline ?? Buffer.alloc(0)])
  record.writeUInt32LE(crc32(record.subarray(4)), 0)
  return record
}

/** Null when the bytes are not what was written. The inline body is a copy. */
export function decodeRecord(bytes: Uint8Array, isInline: boolean): EntryRecord | null {
  const record = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  if (record.length < headBytes || crc32(record.subarray(4)) !== record.readUInt32LE(0)) return null
  const keyEnd = headBytes + record.readUInt32LE(4)
  const metaEnd = keyEnd + record.readUInt32LE(8)
  const key = record.toString('utf8', headBytes, keyEnd)
  const meta = JSON.parse(record.toString('utf8', keyEnd, metaEnd)) as EntryMeta
  const inline = isInline ? new Uint8Array(record.subarray(metaEnd)) : null
  return { key, meta, inline }
}
