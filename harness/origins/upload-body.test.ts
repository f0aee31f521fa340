import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import fc from 'fast-check'
import t from 'tap'
import { headerValue } from '../../proxy/object.ts'
import { verifiedBody } from './upload-body.ts'

const streaming = ['X-Amz-Content-Sha256', 'STREAMING-UNSIGNED-PAYLOAD-TRAILER']

/** The body as it comes out, or the code of its refusal. */
async function result(headers: string[], chunks: Iterable<Uint8Array>): Promise<Buffer | string> {
  try {
    return await buffer(verifiedBody(headers, Readable.from(chunks)).body)
  } catch (error) {
    return (error as { code: string }).code
  }
}

function framed(pieces: readonly Uint8Array[], trailer = ''): Buffer {
  const chunks = pieces
    .filter((piece) => piece.length > 0)
    .flatMap((piece) => [`${piece.length.toString(16)};chunk-signature=ab\r\n`, piece, '\r\n'])
  return Buffer.concat([...chunks, `0\r\n${trailer}\r\n`].map((part) => Buffer.from(part)))
}

function cutAt(bytes: Buffer, size: number): Buffer[] {
  const count = Math.ceil(bytes.length / size)
  return Array.from({ length: count }, (_, i) => bytes.subarray(i * size, (i + 1) * size))
}

t.test('framing comes off, however the data and the reads are cut', async () => {
  const pieces = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 5 })
  await fc.assert(
    fc.asyncProperty(pieces, fc.integer({ min: 1, max: 50 }), async (data, size) => {
      const body = Buffer.concat(data)
      const headers = [...streaming, 'x-amz-decoded-content-length', String(body.length)]
      const got = await result(headers, cutAt(framed(data), size))
      return Buffer.isBuffer(got) && got.equals(body)
    }),
    { numRuns: 200 },
  )
})

t.test('what was promised must hold before the end is seen', async (t) => {
  const body = Buffer.from('hello')
  const md5 = createHash('md5').update(body).digest('base64')
  const sha256 = createHash('sha256').update(body)
  const hex = sha256.copy().digest('hex')
  const length = ['Content-Length', '5']
  const decoded = [...streaming, 'X-Amz-Decoded-Content-Length', '5']
  const table: [string, string[], Buffer, Buffer | string][] = [
    ['the right sha256', [...length, 'x-amz-content-sha256', hex], body, body],
    [
      'a wrong sha256',
      [...length, 'x-amz-content-sha256', '0'.repeat(64)],
      body,
      'XAmzContentSHA256Mismatch',
    ],
    ['the right MD5', [...length, 'Content-MD5', md5], body, body],
    ['a wrong MD5', [...length, 'Content-MD5', 'AAAA'], body, 'BadDigest'],
    ['the right CRC', [...length, 'x-amz-checksum-crc32', 'NhCmhg=='], body, body],
    ['a wrong CRC', [...length, 'x-amz-checksum-crc32', 'AAAAAA=='], body, 'BadDigest'],
    ['a CRC in the trailer', decoded, framed([body], 'x-amz-checksum-crc32:NhCmhg==\r\n'), body],
    ['a wrong one there', decoded, framed([body], 'x-amz-checksum-crc32:AAAAAA==\r\n'), 'BadDigest'],
    ['too short', ['Content-Length', '6'], body, 'IncompleteBody'],
    ['too long', ['Content-Length', '4'], body, 'IncompleteBody'],
    ['no framing', decoded, body, 'IncompleteBody'],
    ['framing cut off', decoded, framed([body]).subarray(0, 20), 'IncompleteBody'],
    ['a wrong decoded length', [...decoded.slice(0, 3), '7'], framed([body]), 'IncompleteBody'],
    ['no body and no length', [], Buffer.alloc(0), Buffer.alloc(0)],
    ['no length', ['Transfer-Encoding', 'chunked'], body, 'MissingContentLength'],
  ]
  for (const [name, headers, sent, expected] of table) t.same(await result(headers, [sent]), expected, name)
})

t.test('an encoding of the object itself stays', async (t) => {
  const encodings = async (value: string) =>
    headerValue(
      verifiedBody(['Content-Encoding', value, 'Content-Length', '0'], Readable.from([])).headers,
      'content-encoding',
    )
  t.equal(await encodings('aws-chunked'), undefined)
  t.equal(await encodings('gzip,aws-chunked'), 'gzip')
})
