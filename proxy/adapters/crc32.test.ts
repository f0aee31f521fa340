import * as zlib from 'node:zlib'
import { Crc32c } from '@aws-sdk/checksums/crc'
import t from 'tap'
import { crc32, crc32c } from './crc32.ts'
import { bodyOf } from './store/testing.ts'

t.test('the sums are those of zlib, of any length, at any alignment, from any start', (t) => {
  t.not(crc32, zlib.crc32, 'the addon is what is tested')
  const bytes = bodyOf(70_000)
  for (const length of [0, 1, 15, 16, 63, 64, 65, 127, 128, 255, 4096, 65_535, 65_536]) {
    for (const at of [0, 1, 7]) {
      const part = bytes.subarray(at, at + length)
      for (const from of [0, 1, 0x80000000, 0xffffffff]) {
        if (crc32(part, from) !== zlib.crc32(part, from)) t.fail(`${length} bytes at ${at} from ${from}`)
      }
    }
  }
  t.equal(crc32(Buffer.from('123456789'), 0), 0xcbf43926, 'the check value of CRC-32/ISO-HDLC')
  t.end()
})

t.test('CRC-32C is the SDK’s, of any length, at any alignment, in pieces', async (t) => {
  if (crc32c === null) return t.fail('the addon is what is tested')
  const bytes = bodyOf(70_000)
  for (const length of [0, 1, 15, 16, 63, 64, 65, 255, 4096, 65_536]) {
    const part = bytes.subarray(3, 3 + length)
    const expected = new Crc32c()
    expected.update(part)
    const half = length >> 1
    const sum = crc32c(part.subarray(half), crc32c(part.subarray(0, half), 0))
    t.equal(sum, Buffer.from(await expected.digest()).readUInt32BE(), `${length} bytes`)
  }
  t.equal(crc32c(Buffer.from('123456789'), 0), 0xe3069283, 'the check value of CRC-32/ISCSI')
})
