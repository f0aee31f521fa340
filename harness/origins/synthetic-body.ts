// Bodies at no storage cost: byte n of a body follows from its seed and n alone, so that any part can be made without
// the rest. What is made is AES-CTR's key stream, which the processor makes at the speed of memory.
import { createCipheriv, createSecretKey, hash } from 'node:crypto'

/** Bodies up to here are one piece. */
export const chunkBytes = 256 * 1024
const blockBytes = 16
const zeros = Buffer.alloc(chunkBytes)

/** Bytes `first` to `last` (inclusive) of the body that `seed` means, in pieces. */
export function* syntheticPieces(seed: string, first: number, last: number): Generator<Buffer> {
  const counter = Buffer.alloc(blockBytes)
  counter.writeBigUInt64BE(BigInt(Math.floor(first / blockBytes)), 8)
  // A Buffer would do, at ten times the cost.
  const key = createSecretKey(hash('sha256', seed, 'buffer'))
  const cipher = createCipheriv('aes-256-ctr', key, counter)
  cipher.update(zeros.subarray(0, first % blockBytes))
  for (let at = first; at <= last; at += chunkBytes) {
    yield cipher.update(zeros.subarray(0, Math.min(chunkBytes, last - at + 1)))
  }
}
