import * as zlib from 'node:zlib'
import t from 'tap'
import { crc32 } from './crc32.ts'
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
