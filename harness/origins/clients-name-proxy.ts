// An HTTP proxy for command-line clients: it takes one name for one address, so that they can sign the true host name
// while their connections go to loopback. TLS passes through it unread (CONNECT); plain requests keep every header.
import { once } from 'node:events'
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import type { Duplex } from 'node:stream'

export interface NameProxy {
  /** `http://127.0.0.1:PORT`, for HTTP_PROXY and HTTPS_PROXY. */
  readonly url: string
  stop(): Promise<void>
}

/** Every request goes to `address`, whatever its name. */
export async function startNameProxy(address: string): Promise<NameProxy> {
  const [host = '', port = ''] = address.split(':')
  const sockets = new Set<Duplex>()
  const server = createServer()
  const serve = (message: IncomingMessage, response: ServerResponse) =>
    forward(message, response, host, Number(port))
  server.on('request', serve)
  server.on('checkContinue', serve)
  server.on('connection', (socket) => sockets.add(socket))
  server.on('connect', (_message, socket: Duplex) => {
    const upstream = connect(Number(port), host, () => socket.write('HTTP/1.1 200 OK\r\n\r\n'))
    sockets.add(upstream)
    upstream.on('error', () => socket.destroy())
    socket.on('error', () => upstream.destroy())
    socket.pipe(upstream).pipe(socket)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async stop() {
      server.close()
      for (const socket of sockets) socket.destroy()
      await once(server, 'close')
    },
  }
}

/** An absolute-form request in its origin form, everything else as it came. */
function forward(message: IncomingMessage, response: ServerResponse, host: string, port: number): void {
  const path = message.url!.replace(/^http:\/\/[^/]*/, '')
  const onward = request({
    host,
    port,
    path,
    method: message.method,
    headers: message.rawHeaders,
    setHost: false,
  })
  onward.on('continue', () => response.writeContinue())
  onward.on('response', (answer) => {
    response.writeHead(answer.statusCode!, answer.rawHeaders)
    answer.pipe(response)
  })
  onward.on('error', () => response.destroy())
  message.pipe(onward)
}
