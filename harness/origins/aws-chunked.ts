// Takes the framing off an aws-chunked body: `SIZE[;chunk-signature=…]\r\n` data `\r\n` … `0\r\n` trailers `\r\n`.
// Chunk signatures are not verified. Source: AWS's "sigv4-streaming" and "sigv4-streaming-trailers" pages.
import { Transform, type TransformCallback } from 'node:stream'
import { S3Refusal } from './s3-error.ts'

const maxLineBytes = 16 * 1024

/** Passes the data on; `trailers` is complete at the end. Fails with IncompleteBody when the framing breaks. */
export class AwsChunkedDecoder extends Transform {
  /** Lower-case names. */
  readonly trailers = new Map<string, string>()
  #state: 'size' | 'data' | 'data-end' | 'trailers' | 'done' = 'size'
  #line = ''
  #remaining = 0

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    try {
      let rest = chunk
      while (rest.length > 0) rest = this.#take(rest)
      done()
    } catch (error) {
      done(error as Error)
    }
  }

  override _flush(done: TransformCallback): void {
    // SDKs end a body without trailers right after the last chunk's line.
    done(this.#state === 'done' || this.#state === 'trailers' ? null : new S3Refusal('IncompleteBody'))
  }

  #take(bytes: Buffer): Buffer {
    if (this.#state === 'done') throw new S3Refusal('IncompleteBody', 'Data after the last chunk')
    if (this.#state !== 'data') return this.#takeLine(bytes)
    const data = bytes.subarray(0, this.#remaining)
    this.#remaining -= data.length
    this.push(data)
    if (this.#remaining === 0) this.#state = 'data-end'
    return bytes.subarray(data.length)
  }

  #takeLine(bytes: Buffer): Buffer {
    const end = bytes.indexOf(0x0a)
    this.#line += bytes.toString('latin1', 0, end < 0 ? bytes.length : end + 1)
    if (this.#line.length > maxLineBytes) throw new S3Refusal('IncompleteBody', 'Not an aws-chunked body')
    if (end < 0) return bytes.subarray(bytes.length)
    this.#endLine(this.#line.trimEnd())
    this.#line = ''
    return bytes.subarray(end + 1)
  }

  #endLine(line: string): void {
    if (this.#state === 'data-end') {
      if (line !== '') throw new S3Refusal('IncompleteBody', 'A chunk is longer than its size')
      this.#state = 'size'
    } else if (this.#state === 'size') {
      const size = /^([0-9a-f]{1,8})(;.*)?$/i.exec(line)
      if (size === null) throw new S3Refusal('IncompleteBody', 'Not an aws-chunked body')
      this.#remaining = Number.parseInt(size[1]!, 16)
      this.#state = this.#remaining === 0 ? 'trailers' : 'data'
    } else if (line === '') {
      this.#state = 'done'
    } else {
      const colon = line.indexOf(':')
      this.trailers.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim())
    }
  }
}
