// Sends a body whose pieces are lent: each goes back as soon as the system has taken it, so that a hit from disk
// allocates nothing of its size.
import { setImmediate as turnOfTheLoop } from 'node:timers/promises'
import { ProxyError } from '../errors.ts'
import type { LentBody } from '../object.ts'
import { type BodyTarget, joinedBodyBytes, writeBoth, wrongLength } from './http-server-body.ts'

/** With more than this written to one client who takes everything, the others get their turn. */
const bytesPerTurn = 1_048_576

/**
 * Writes `head` and every piece of `body`, which must be `contentLength` bytes. Null when the system has taken all of it
 * at once, else a promise of that, which rejects as `sendBody` does. Leaves the body in every case.
 */
export function sendLent(
  target: BodyTarget,
  body: LentBody,
  contentLength: number,
  head: string,
): Promise<void> | null {
  const first = body.lend()
  if (!(first instanceof Uint8Array) || first.length !== contentLength)
    return sendPieces(target, body, first, contentLength, head)
  const taken = write(target, head, first)
  if (taken !== null) return taken.then(() => body.leave())
  body.leave()
  return null
}

async function sendPieces(
  target: BodyTarget,
  body: LentBody,
  first: ReturnType<LentBody['lend']>,
  contentLength: number,
  head: string,
): Promise<void> {
  let sent = 0
  let turnBytes = 0
  try {
    for (let piece = await first; piece !== null; piece = await body.lend()) {
      if (target.isGone())
        throw new ProxyError('the client is gone', { code: 'client-gone', source: 'client' })
      if (sent + piece.length > contentLength) throw wrongLength('overlong', contentLength)
      const taken = write(target, sent === 0 ? head : null, piece)
      sent += piece.length
      turnBytes += piece.length
      if (taken === null && turnBytes <= bytesPerTurn) continue
      await (taken ?? turnOfTheLoop())
      turnBytes = 0
    }
  } finally {
    body.leave()
  }
  if (sent < contentLength) throw wrongLength('truncated', contentLength)
}

/** Null when the system has taken the piece (or it was copied), else a promise of that. */
function write(target: BodyTarget, head: string | null, piece: Uint8Array): Promise<void> | null {
  const { writable } = target
  if (head !== null && piece.length <= joinedBodyBytes)
    return writeBoth(writable, head, piece) ? null : target.drained()
  const { promise, resolve } = Promise.withResolvers<void>()
  writable.cork()
  if (head !== null) writable.write(head, 'latin1')
  // Called too when the socket is destroyed.
  writable.write(piece, () => resolve())
  writable.uncork()
  return writable.writableLength === 0 ? null : promise
}
