import t from 'tap'
import { statedDigest } from './digest.ts'

const etag = ['ETag', '"5d41402abc4b2a76b9719d911017c592"']
const md5 = { algorithm: 'md5', value: 'XUFAKrxLKna5cZ2REBfFkg==' }

t.test('which header states the digest of the whole body that is checked', async (t) => {
  const crc64 = { algorithm: 'crc64nvme', value: 'AAAAAAAAAAA=' }
  const multipartEtag = ['ETag', '"5d41402abc4b2a76b9719d911017c592-3"']
  const cases: [string[], unknown][] = [
    [[], null],
    [etag, md5],
    [[...etag, 'x-amz-server-side-encryption', 'AES256'], md5],
    [[...etag, 'x-amz-server-side-encryption', 'aws:kms'], null],
    [[...etag, 'x-amz-server-side-encryption', 'aws:kms:dsse'], null],
    [[...etag, 'x-amz-server-side-encryption-customer-algorithm', 'AES256'], null],
    [multipartEtag, null],
    [['ETag', 'W/"5d41402abc4b2a76b9719d911017c592"'], null],
    [['ETag', '5d41402abc4b2a76b9719d911017c592'], null],
    [['x-amz-checksum-crc32', 'AAAAAA=='], { algorithm: 'crc32', value: 'AAAAAA==' }],
    [['x-amz-checksum-crc32c', 'AAAAAA=='], { algorithm: 'crc32c', value: 'AAAAAA==' }],
    [['x-amz-checksum-crc32', 'AAAAAA==-2'], null],
    [['x-amz-checksum-crc32', 'AAAAAA==', 'X-Amz-Checksum-Type', 'COMPOSITE'], null],
    [['x-amz-checksum-crc32', 'AAAAAA==-2', 'X-Amz-Checksum-Type', 'COMPOSITE', ...multipartEtag], null],
    [
      ['x-amz-checksum-crc64nvme', crc64.value, 'x-amz-checksum-type', 'FULL_OBJECT', ...multipartEtag],
      crc64,
    ],
    [['x-amz-checksum-crc64nvme', crc64.value, 'x-amz-checksum-type', 'FULL_OBJECT', ...etag], md5],
    [['x-amz-checksum-sha256', 'AA==', ...etag], { algorithm: 'sha256', value: 'AA==' }],
  ]
  for (const [headers, expected] of cases) t.strictSame(statedDigest(headers), expected, headers.join(' '))
})
