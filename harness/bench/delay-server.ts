// A server of one small object with known delays, as a process of its own: the truth that load generators are held to.
// Its parent tells it by IPC how to behave from the next request on.
import { once } from 'node:events'
import net, { type AddressInfo } from 'node:net'

/** Every answer waits `delayMs`; and from `stallAfterMs` after the first request for `stallMs` nothing is answered. */
export interface Delays {
  readonly delayMs: number
  readonly stallAfterMs: number
  readonly stallMs: number
}

export const smallBody = Buffer.alloc(1024, 'x')

const head = `HTTP/1.1 200 OK\r\nContent-Length: ${smallBody.length}\r\n\r\n`
const response = Buffer.concat([Buffer.from(head), smallBody])
const endOfHead = '\r\n\r\n'

/** How long the request that is here now must wait, ms. */
function waitMs({ delayMs, stallAfterMs, stallMs }: Delays, sinceFirstMs: number): number {
  const isStalled = sinceFirstMs >= stallAfterMs && sinceFirstMs < stallAfterMs + stallMs
  return delayMs + (isStalled ? stallAfterMs + stallMs - sinceFirstMs : 0)
}

async function serve(): Promise<void> {
  let delays: Delays = { delayMs: 0, stallAfterMs: 0, stallMs: 0 }
  let firstMs: number | null = null
  process.on('message', (next: Delays) => {
    delays = next
    firstMs = null
    process.send!('ready')
  })
  process.on('disconnect', () => process.exit())
  const server = net.createServer({ noDelay: true }, (socket) => {
    socket.on('error', () => {})
    socket.on('data', (bytes) => {
      firstMs ??= performance.now()
      const requests = bytes.toString('latin1').split(endOfHead).length - 1
      const ms = waitMs(delays, performance.now() - firstMs)
      for (let i = 0; i < requests; i++) {
        if (ms <= 0) socket.write(response)
        else setTimeout(() => socket.write(response), ms)
      }
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  process.send!((server.address() as AddressInfo).port)
}

if (import.meta.main) await serve()
