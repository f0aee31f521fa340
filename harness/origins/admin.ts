// The origin's own control, as JSON over HTTP on loopback: faults, the certificate served, the request log, the store.
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'
import { z } from 'zod'
import { messageOf } from '../errors.ts'
import { type CertificateKind, certificateKinds, originFaultKinds } from './handle.ts'
import type { Misbehaviour } from './misbehaviour.ts'
import type { RequestLog } from './request-log.ts'

export interface Controls {
  readonly misbehaviour: Misbehaviour
  readonly log: RequestLog
  setCertificate(kind: CertificateKind): void
  readonly handshakes: Readonly<Record<CertificateKind, number>>
  holds(key: string): Promise<{ bytes: number; md5: string } | null>
}

export interface Admin {
  readonly url: string
  stop(): void
}

const faultSchema = z.object({
  id: z.string().min(1),
  kind: z.enum(originFaultKinds),
  share: z.number().min(0).max(1),
  prefix: z.string(),
  delayMs: z.number().min(0).optional(),
})
const certificateSchema = z.object({ kind: z.enum(certificateKinds) })

export async function startAdmin(controls: Controls): Promise<Admin> {
  const server = createServer((request, response) => void serve(request, response, controls))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop() {
      server.close()
      server.closeAllConnections()
    },
  }
}

async function serve(request: IncomingMessage, response: ServerResponse, controls: Controls): Promise<void> {
  try {
    const result = await act(request, controls)
    reply(response, result === undefined ? 404 : 200, result ?? { error: 'no such control' })
  } catch (error) {
    reply(response, 400, { error: messageOf(error) })
  }
}

function reply(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, { 'Content-Type': 'application/json' })
  response.end(JSON.stringify(value))
}

/** The result as plain data; undefined when there is no such control. */
async function act(request: IncomingMessage, controls: Controls): Promise<unknown> {
  const url = new URL(request.url!, 'http://admin')
  const [, what, id] = url.pathname.split('/').map(decodeURIComponent)
  switch (`${request.method} /${what}`) {
    case 'PUT /faults':
      controls.misbehaviour.set(faultSchema.parse(await json(request)) as never)
      return {}
    case 'DELETE /faults':
      return id === undefined ? controls.misbehaviour.clearAll() : controls.misbehaviour.clear(id)
    case 'PUT /certificate':
      controls.setCertificate(certificateSchema.parse(await json(request)).kind)
      return {}
    case 'GET /handshakes':
      return controls.handshakes
    case 'GET /log':
      return controls.log.after(Number(url.searchParams.get('after') ?? 0))
    case 'GET /object':
      return { object: await controls.holds(url.searchParams.get('key') ?? '') }
    default:
      return undefined
  }
}
