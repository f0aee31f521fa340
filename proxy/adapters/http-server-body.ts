// Sends the body of an answer to a socket at the client's pace. A body that breaks, or is not as long as the head
// promised, rejects: the caller then cuts the connection.
import type { Writable } from 'node:stream'
import { ProxyError } from '../errors.ts'
import type { Body } from '../object.ts'
import type { Framing } from './http-server-head.ts'

export interface BodyTarget {
  readonly writable: Writable
  /** Resolves when the writable takes more, or is gone. */
  drained(): Promise<void>
  isGone(): boolean
}

const lastChunk = '0\r\n\r\n'

/**
 * Writes `head` (when given) and every piece of `body`. Returns the body bytes written.
 * Leaves the body (its `return()`) as soon as the client is gone.
 */
export async function sendBody(
  target: BodyTarget,
  body: Body,
  framing: Framing,
  contentLength: number | null,
  head: string | null,
): Promise<number> {
  const { writable } = target
  let sent = 0
  let pendingHead = head
  for await (const piece of body) {
    if (target.isGone()) throw new ProxyError('the client is gone', { code: 'client-gone', source: 'client' })
    if (piece.length === 0) continue
    sent += piece.length
    if (contentLength !== null && sent > contentLength) throw wrongLength('overlong', contentLength)
    writable.cork()
    if (pendingHead !== null) writable.write(pendingHead, 'latin1')
    pendingHead = null
    const flowing = writePiece(writable, piece, framing)
    writable.uncork()
    if (!flowing) await target.drained()
  }
  if (contentLength !== null && sent < contentLength) throw wrongLength('truncated', contentLength)
  if (pendingHead !== null) writable.write(pendingHead, 'latin1')
  if (framing === 'chunked') writable.write(lastChunk, 'latin1')
  return sent
}

function writePiece(writable: Writable, piece: Uint8Array, framing: Framing): boolean {
  if (framing !== 'chunked') return writable.write(piece)
  writable.write(`${piece.length.toString(16)}\r\n`, 'latin1')
  writable.write(piece)
  return writable.write('\r\n', 'latin1')
}

function wrongLength(code: 'truncated' | 'overlong', contentLength: number): ProxyError {
  return new ProxyError(`the body is ${code}: the head promised ${contentLength} bytes`, {
    code,
    source: 'cache',
  })
}

/** Lets go of a body that will not be read. */
export function cancelBody(body: Uint8Array | Body | null): void {
  if (body === null || body instanceof Uint8Array) return
  const iterator = body[Symbol.asyncIterator]()
  iterator.return?.()?.catch(() => {})
}
