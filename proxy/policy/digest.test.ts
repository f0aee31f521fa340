import t from 'tap'
import { statedDigests } from './digest.ts'

const etag = ['ETag', '"5d41402abc4b2a76b9719d911017c592"']
const md5 = { algorithm: 'md5', value: 'XUFAKrxLKna5cZ2REBfFkg==' }

t.test('which headers state a digest of the whole body', async (t) => {
  const cases: [string[], unknown[]][] = [
    [[], []],
    [etag, [md5]],
    [[...etag, 'x-amz-server-side-encryption', 'AES256'], [md5]],
    [[...etag, 'x-amz-server-side-encryption', 'aws:kms'], []],
    [[...etag, 'x-amz-server-side-encryption', 'aws:kms:dsse'], []],
    [[...etag, 'x-amz-server-side-encryption-customer-algorithm', 'AES256'], []],
    [['ETag', '"5d41402abc4b2a76b9719d911017c592-3"'], []],
    [['ETag', 'W/"5d41402abc4b2a76b9719d911017c592"'], []],
    [['ETag', '5d41402abc4b2a76b9719d911017c592'], []],
    [['x-amz-checksum-crc32', 'AAAAAA=='], [{ algorithm: 'crc32', value: 'AAAAAA==' }]],
    [['x-amz-checksum-crc32', 'AAAAAA==-2'], []],
    [['x-amz-checksum-crc32', 'AAAAAA==', 'X-Amz-Checksum-Type', 'COMPOSITE'], []],
    [
      ['x-amz-checksum-crc64nvme', 'AAAAAAAAAAA=', 'x-amz-checksum-type', 'FULL_OBJECT', ...etag],
      [{ algorithm: 'crc64nvme', value: 'AAAAAAAAAAA=' }, md5],
    ],
  ]
  for (const [headers, expected] of cases) t.strictSame(statedDigests(headers), expected, headers.join(' '))
})
