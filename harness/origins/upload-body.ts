// Checks an upload against everything its headers promise of it, as S3 does before it acknowledges one.
import { createHash, type Hash } from 'node:crypto'
import { pipeline, type Readable, Transform, type TransformCallback } from 'node:stream'
import { crc32 } from 'node:zlib'
import { type HeaderList, headerValue, withoutHeaders } from '../../proxy/object.ts'
import { AwsChunkedDecoder } from './aws-chunked.ts'
import { S3Refusal } from './s3-error.ts'

const rewritten = new Set([
  'content-length',
  'content-encoding',
  'transfer-encoding',
  'x-amz-decoded-content-length',
  'x-amz-trailer',
])

/**
 * The body without aws-chunked framing, and the headers without any length: the body must be sent on in chunks, since
 * it fails with an S3Refusal at its very end when length or digest differ from what was promised.
 */
export function verifiedBody(
  headers: HeaderList,
  body: Readable,
): { readonly headers: string[]; readonly body: Readable } {
  const value = (name: string) => headerValue(headers, name)
  const isChunked = (value('x-amz-content-sha256') ?? '').startsWith('STREAMING-')
  const none = value('transfer-encoding') === undefined ? '0' : ''
  const length = (isChunked ? value('x-amz-decoded-content-length') : value('content-length')) ?? none
  if (!/^\d+$/.test(length)) throw new S3Refusal('MissingContentLength')
  const plain = withoutHeaders(headers, rewritten)
  const encodings = contentEncodings(value('content-encoding'))
  if (encodings !== '') plain.push('Content-Encoding', encodings)

  const decoder = isChunked ? new AwsChunkedDecoder() : null
  const promised = (name: string) => decoder?.trailers.get(name) ?? value(name)
  const check = new Check(Number(length), promised)
  // A failure reaches the reader through `check`, which pipeline destroys with the reason.
  const ignore = () => {}
  if (decoder === null) pipeline(body, check, ignore)
  else pipeline(body, decoder, check, ignore)
  return { headers: plain, body: check }
}

/** What stays of Content-Encoding when aws-chunked is taken off. */
function contentEncodings(value: string | undefined): string {
  const names = (value ?? '').split(',').map((name) => name.trim())
  return names.filter((name) => name !== '' && name !== 'aws-chunked').join(',')
}

type Promised = (lowerName: string) => string | undefined

class Check extends Transform {
  readonly #length: number
  readonly #promised: Promised
  readonly #sha256: Hash = createHash('sha256')
  readonly #md5: Hash | null
  #crc = 0
  #received = 0

  constructor(length: number, promised: Promised) {
    super()
    this.#length = length
    this.#promised = promised
    this.#md5 = promised('content-md5') === undefined ? null : createHash('md5')
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    this.#received += chunk.length
    this.#sha256.update(chunk)
    this.#md5?.update(chunk)
    this.#crc = crc32(chunk, this.#crc)
    done(this.#received > this.#length ? new S3Refusal('IncompleteBody') : null, chunk)
  }

  override _flush(done: TransformCallback): void {
    done(this.#refusal())
  }

  #refusal(): S3Refusal | null {
    if (this.#received !== this.#length) return new S3Refusal('IncompleteBody')
    const sha256 = this.#sha256.digest()
    const payload = this.#promised('x-amz-content-sha256') ?? ''
    if (/^[0-9a-f]{64}$/.test(payload) && payload !== sha256.toString('hex')) {
      return new S3Refusal('XAmzContentSHA256Mismatch')
    }
    const crc = Buffer.alloc(4)
    crc.writeUInt32BE(this.#crc)
    const digests: [string, Buffer | undefined][] = [
      ['content-md5', this.#md5?.digest()],
      ['x-amz-checksum-sha256', sha256],
      ['x-amz-checksum-crc32', crc],
    ]
    const wrong = digests.find(([name, digest]) => {
      const promised = this.#promised(name)
      return promised !== undefined && promised !== digest?.toString('base64')
    })
    return wrong === undefined ? null : new S3Refusal('BadDigest')
  }
}
