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
    if (piece.length > joinedBodyBytes) corkForNow(writable)
    const flowing = writePiece(writable, pendingHead, piece, framing)
    pendingHead = null
    if (!flowing) await target.drained()
  }
  if (contentLength !== null && sent < contentLength) throw wrongLength('truncated', contentLength)
  if (pendingHead !== null) writable.write(pendingHead, 'latin1')
  if (framing === 'chunked') writable.write(lastChunk, 'latin1')
  return sent
}

/** What can be written without waiting goes out in one system call. */
function corkForNow(writable: Writable): void {
  writable.cork()
  process.nextTick(() => writable.uncork())
}

function writePiece(writable: Writable, head: string | null, piece: Uint8Array, framing: Framing): boolean {
  if (framing !== 'chunked') return head === null ? writable.write(piece) : writeBoth(writable, head, piece)
  writable.cork()
  writable.write(`${head ?? ''}${piece.length.toString(16)}\r\n`, 'latin1')
  writable.write(piece)
  const flowing = writable.write('\r\n', 'latin1')
  writable.uncork()
  return flowing
}

/** A small body is copied behind its head: one buffer is written with less ado than two. */
export const joinedBodyBytes = 16 * 1024
/** Of a head that is put together with its body. */
const joinedHeadBytes = 4 * 1024
/** Used again and again: most clients take all of it at once. */
let page = Buffer.allocUnsafeSlow(joinedHeadBytes + joinedBodyBytes)

/** A head and what follows it, in one system call. */
export function writeBoth(writable: Writable, head: string, body: Uint8Array): boolean {
  if (body.length <= joinedBodyBytes && head.length <= joinedHeadBytes)
    return writeJoined(writable, head, body)
  writable.cork()
  writable.write(head, 'latin1')
  const flowing = writable.write(body)
  writable.uncork()
  return flowing
}

function writeJoined(writable: Writable, head: string, body: Uint8Array): boolean {
  page.write(head, 0, 'latin1')
  page.set(body, head.length)
  const flowing = writable.write(page.subarray(0, head.length + body.length))
  // What the system has not taken yet stays with the writable.
  if (writable.writableLength > 0) page = Buffer.allocUnsafeSlow(page.length)
  return flowing
}

export function wrongLength(code: 'truncated' | 'overlong', contentLength: number): ProxyError {
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
