// Servers that answer as told, down to the byte, and what the load generator needs to be pointed at them. For tests.
import { hash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import net, { type AddressInfo, type Socket } from 'node:net'
import type { GeneratorConfig } from './messages.ts'
import type { LoadObject } from './objects.ts'

export interface ByteServer extends AsyncDisposable {
  readonly url: string
  /** Connections accepted so far. */
  readonly accepted: () => number
}

/** Calls `onRequest` with the socket for each request head (or body) that arrives in one piece. */
export async function byteServer(onRequest: (socket: Socket, request: string) => void): Promise<ByteServer> {
  const sockets = new Set<Socket>()
  let accepted = 0
  const server = net.createServer({ noDelay: true, allowHalfOpen: true }, (socket) => {
    accepted++
    sockets.add(socket)
    socket.on('error', () => {})
    socket.once('close', () => sockets.delete(socket))
    socket.on('end', () => socket.end())
    socket.on('data', (bytes) => onRequest(socket, bytes.toString('latin1')))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    accepted: () => accepted,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** The bytes of a 200 answer with the given body and extra header lines. */
export function answer(body: string | Buffer, ...headerLines: string[]): Buffer {
  const head = ['HTTP/1.1 200 OK', `Content-Length: ${body.length}`, ...headerLines, '', ''].join('\r\n')
  return Buffer.concat([Buffer.from(head, 'latin1'), Buffer.from(body)])
}

export function objectOf(key: string, body: string | Buffer, role: LoadObject['role'] = 'known'): LoadObject {
  return { key, bytes: body.length, sha256: hash('sha256', body), role }
}

/** Writes a manifest of the objects and gives a whole configuration, to be narrowed by the test. */
export function configFor(
  url: string,
  dir: string,
  objects: readonly LoadObject[],
  overrides: Partial<GeneratorConfig> = {},
): GeneratorConfig {
  const manifest = `${dir}/manifest.ndjson`
  writeFileSync(manifest, objects.map((object) => JSON.stringify(object)).join('\n'))
  return {
    target: { url },
    hostHeader: 's3.breakwater.test',
    bucket: 'bucket',
    manifest,
    credentials: null,
    seed: 1,
    runStartNs: String(process.hrtime.bigint()),
    workload: {
      arrivals: 'poisson',
      ratePerSecond: 200,
      shares: { neverRead: 0, upload: 0 },
      popularity: { zipf: 0.9, bigObjectBytes: 1 << 23, bigObjectShare: 0.002 },
      rangeShare: 0,
    },
    uploadPrefix: 'uploads/',
    backups: ['s3'],
    maxInFlight: 1000,
    timeoutMs: 1000,
    ...overrides,
  }
}
