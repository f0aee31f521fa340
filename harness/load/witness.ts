// Watches the body of an answer as it comes and says at its end what is wrong with it.
import { BodyDigest } from './body-digest.ts'
import type { LoadObject } from './objects.ts'
import type { ResponseHead } from './response-reader.ts'

/** The bytes of an object that a read asks for, both ends included. */
export interface Part {
  readonly first: number
  readonly last: number
  /** The Range header that asks for them. */
  readonly range: string
}

export interface Wrong {
  readonly outcome: 'corrupt' | 'truncated' | 'http5xx'
  readonly detail: string
}

export interface Witness {
  /** The only status with which the body is what was asked for. */
  readonly status: 200 | 206
  /** What that is, in words. */
  readonly what: string
  add(chunk: Buffer): void
  /** Null when everything is right. Called once, when the answer is complete and has that status. */
  wrong(head: ResponseHead): Wrong | null
}

/** The answer to an upload, which has no body: one with an error document in it acknowledges nothing, whatever its status. */
export function acknowledgement(): Witness {
  let text = ''
  return {
    status: 200,
    what: 'an upload',
    add(chunk) {
      text = (text + chunk.toString('latin1')).slice(0, 1024)
    },
    wrong: () =>
      text.includes('<Error>') ? { outcome: 'http5xx', detail: 'an error document with status 200' } : null,
  }
}

/**
 * Length and SHA-256 as the manifest has them, and the ETag, where the manifest has one: a client goes by it in every
 * condition it sets later, so the right bytes under another's ETag are wrong too. `keep` is handed the body when it is right.
 */
export function wholeObject(object: LoadObject, keep: ((body: Buffer) => void) | null): Witness {
  const digest = new BodyDigest(object.bytes)
  const chunks: Buffer[] = []
  return {
    status: 200,
    what: 'a whole object',
    add(chunk) {
      digest.add(chunk)
      if (keep !== null) chunks.push(chunk)
    },
    wrong({ headers }) {
      const wrong = wrongLength(digest.bytes, object.bytes)
      if (wrong !== null) return wrong
      const sha256 = digest.sha256()
      if (sha256 !== object.sha256) {
        return { outcome: 'corrupt', detail: `the right length, but SHA-256 ${sha256}` }
      }
      const etag = headers.get('etag')
      if (object.etag !== undefined && etag !== undefined && etag !== object.etag) {
        return { outcome: 'corrupt', detail: `the right bytes, but ETag ${etag} instead of ${object.etag}` }
      }
      keep?.(Buffer.concat(chunks))
      return null
    },
  }
}

/** A part of a known body, compared byte by byte, and the Content-Range that says so (RFC 9110 §14.4). */
export function partOf(body: Buffer, { first, last }: Part): Witness {
  const expected = body.subarray(first, last + 1)
  let bytes = 0
  let isSame = true
  return {
    status: 206,
    what: 'a part of an object',
    add(chunk) {
      isSame &&= chunk.equals(expected.subarray(bytes, bytes + chunk.length))
      bytes += chunk.length
    },
    wrong({ headers }) {
      const contentRange = `bytes ${first}-${last}/${body.length}`
      const said = headers.get('content-range')
      if (said !== contentRange) {
        return { outcome: 'corrupt', detail: `Content-Range ${said ?? 'missing'} instead of ${contentRange}` }
      }
      const wrong = wrongLength(bytes, expected.length)
      if (wrong !== null || isSame) return wrong
      return { outcome: 'corrupt', detail: `the right length, but other bytes than ${contentRange}` }
    },
  }
}

function wrongLength(bytes: number, expectedBytes: number): Wrong | null {
  if (bytes === expectedBytes) return null
  if (bytes > expectedBytes)
    return { outcome: 'corrupt', detail: `${bytes} bytes instead of ${expectedBytes}` }
  return { outcome: 'truncated', detail: `${bytes} of ${expectedBytes} bytes, ended cleanly` }
}
