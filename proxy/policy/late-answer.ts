// Decides which requests S3 answers late by design, and whether such an answer says in the end that it failed. Pure.
import { type HeaderList, headerValue } from '../object.ts'

/**
 * S3 works for minutes on a copy, on the completion of a multipart upload, and for a while on deleting many objects or
 * a query. Its head comes at the end, or at once with 200 and then white space until the work is done.
 */
export function answersLate(request: {
  readonly method: string
  readonly target: string
  readonly headers: HeaderList
}): boolean {
  const { method, target, headers } = request
  if (method === 'POST') return /[?&](?:uploadId=|delete(?:[=&]|$)|select(?:[=&]|$))/.test(target)
  return method === 'PUT' && headerValue(headers, 'x-amz-copy-source') !== undefined
}

/** Long enough for the white space that S3 sends meanwhile not to count, and for the beginning of the document. */
const maxTextLength = 256

/** Reads an answer as it passes, to tell an error document that came after a 200. */
export class LateVerdict {
  readonly #decoder = new TextDecoder('latin1')
  #text = ''

  read(piece: Uint8Array): void {
    if (this.#text.length >= maxTextLength) return
    for (let at = 0; at < piece.length && this.#text.length < maxTextLength; at += maxTextLength) {
      const more = this.#decoder.decode(piece.subarray(at, at + maxTextLength))
      this.#text = (this.#text + more).trimStart()
    }
  }

  get saysError(): boolean {
    return /^(?:<\?xml[^>]*\?>)?\s*<Error[\s>]/.test(this.#text)
  }
}
