// Digests of bodies by Node's own crypto and zlib.
import { createHash } from 'node:crypto'
import { crc32 } from 'node:zlib'
import type { DigestAlgorithm, Digests, RunningDigest } from '../ports.ts'

/** MD5, SHA-1, SHA-256 and CRC-32; Node has no CRC-32C and CRC-64/NVME. */
export const nodeDigests: Digests = {
  start(algorithm: DigestAlgorithm): RunningDigest | null {
    switch (algorithm) {
      case 'md5':
      case 'sha1':
      case 'sha256':
        return runningHash(algorithm)
      case 'crc32':
        return runningCrc32()
      default:
        return null
    }
  },
}

function runningHash(algorithm: string): RunningDigest {
  const hash = createHash(algorithm)
  return { update: (chunk) => void hash.update(chunk), value: () => hash.digest('base64') }
}

/** S3 gives a CRC as base64 of its big-endian bytes. */
function runningCrc32(): RunningDigest {
  let value = 0
  return {
    update(chunk) {
      value = crc32(chunk, value)
    },
    value() {
      const bytes = Buffer.alloc(4)
      bytes.writeUInt32BE(value)
      return bytes.toString('base64')
    },
  }
}
