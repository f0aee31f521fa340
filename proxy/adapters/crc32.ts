// CRC-32 of stored bytes. The prebuilt addon uses the CPU's carry-less multiplication (5 µs for 64 KiB); Node's own zlib
// is built without it (14 µs), gives the same sums, and stands in on platforms for which there is no addon.
import { createRequire } from 'node:module'
import * as zlib from 'node:zlib'

/** `from` is the sum of the bytes before, or where to start. */
export type Crc32 = (bytes: Uint8Array, from: number) => number

export const crc32: Crc32 = addon() ?? zlib.crc32

function addon(): Crc32 | null {
  try {
    return createRequire(import.meta.url)('@node-rs/crc32').crc32
  } catch {
    return null
  }
}
