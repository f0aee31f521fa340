// A client that sends bytes as they are and reads what comes, for tests of how strict a server is.
import { once } from 'node:events'
import { connect } from 'node:net'

export interface RawAnswer {
  /** Everything the server sent, latin1. */
  readonly text: string
  /** Status codes of the answers in it, in order. */
  readonly statuses: readonly number[]
  /** The server closed its side before `withinMs`. */
  readonly closed: boolean
}

export interface RawOptions {
  /** Ends the client's side behind the bytes (FIN), and still reads. */
  readonly halfClose?: boolean
  /** Longest wait for the server to close. A bound for what hangs, never a measurement. */
  readonly withinMs?: number
  /** Enough has come; the server need not close. */
  readonly until?: (text: string) => boolean
}

/** Sends `bytes` (latin1) on a new connection and reads until the server closes. */
export async function sendRaw(port: number, bytes: string, options: RawOptions = {}): Promise<RawAnswer> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  let text = ''
  socket.setEncoding('latin1')
  socket.on('error', () => {})
  const enough = new Promise<void>((resolve) => {
    socket.on('data', (piece: string) => {
      text += piece
      if (options.until?.(text)) resolve()
    })
  })
  const ended = new Promise<boolean>((resolve) => {
    for (const event of ['end', 'close'] as const) socket.on(event, () => resolve(true))
  })
  socket.write(bytes, 'latin1')
  if (options.halfClose) socket.end()
  const bound = AbortSignal.timeout(options.withinMs ?? 3000)
  const late = once(bound, 'abort').then(() => false)
  const closed = await Promise.race([ended, enough.then(() => false), late])
  socket.destroy()
  const statuses = [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status))
  return { text, statuses, closed }
}
