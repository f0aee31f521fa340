// Digests of bodies: by Node's own crypto and crc32.ts where they have them, else by the AWS SDK's JavaScript.
import { createHash } from 'node:crypto'
import { Crc32c, Crc64Nvme } from '@aws-sdk/checksums/crc'
import type { DigestAlgorithm, Digests, RunningDigest } from '../ports.ts'
import { type Crc32, crc32, crc32c } from './crc32.ts'

/** CRC-64/NVME takes a core about 2.3 ns a byte, MD5 1.2, the others less: policy/digest.ts asks for it last. */
export const nodeDigests: Digests = {
  start(algorithm: DigestAlgorithm): RunningDigest {
    switch (algorithm) {
      case 'crc32':
        return runningCrc(crc32)
      case 'crc32c':
        return crc32c === null ? ofSdk(new Crc32c()) : runningCrc(crc32c)
      case 'crc64nvme':
        return ofSdk(new Crc64Nvme())
      default:
        return runningHash(algorithm)
    }
  },
}

function runningHash(algorithm: string): RunningDigest {
  const hash = createHash(algorithm)
  return { update: (chunk) => void hash.update(chunk), value: () => hash.digest('base64') }
}

/** S3 gives a CRC as base64 of its big-endian bytes. */
function runningCrc(crc: Crc32): RunningDigest {
  let value = 0
  return {
    update(chunk) {
      value = crc(chunk, value)
    },
    value() {
      const bytes = Buffer.alloc(4)
      bytes.writeUInt32BE(value)
      return bytes.toString('base64')
    },
  }
}

function ofSdk(checksum: Crc32c | Crc64Nvme): RunningDigest {
  return {
    update: (chunk) => checksum.update(chunk),
    value: async () => Buffer.from(await checksum.digest()).toString('base64'),
  }
}
