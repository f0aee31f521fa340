// What the cache and chain benches run against: an S3-like origin, the original deployment as its description says it,
// and ours, each as processes of their own in one temporary directory.
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Authority, makeAuthority } from '../origins/authority.ts'
import { type Nameserver, startNameserver } from '../origins/nameserver.ts'
import { freePorts } from '../run/ports.ts'
import { Part } from '../systems/part.ts'
import type { Placeholders } from '../systems/placeholders.ts'
import type { PartDescription } from '../systems/system.ts'
import { onSystemCpu } from './pin.ts'

export const originName = 's3.breakwater.test'
const root = fileURLToPath(new URL('../..', import.meta.url))

/** Where things are while a bench runs; `end` stops everything and deletes what was written. */
export interface Site {
  readonly dir: string
  start(part: PartDescription, more?: Placeholders): Promise<Part>
  end(): Promise<void>
}

export async function openSite(): Promise<Site> {
  const dir = await mkdtemp(path.join(tmpdir(), 'breakwater-bench-'))
  const authority = await makeAuthority(dir)
  const origin = await startOrigin(authority)
  const nameserver = await startNameserver({ [originName]: ['127.0.0.1'] })
  const parts: Part[] = []
  return {
    dir,
    async start(description, more = {}) {
      const values = { ...(await placeholders(dir, description.name, origin, nameserver)), ...more }
      const part = new Part(
        { ...description, command: onSystemCpu(description.command) },
        { ...values, origin_ca: authority.caFile },
        dir,
        ({ how, logTail }) => console.error(`${description.name} ended: ${how}\n${logTail}`),
      )
      parts.push(part)
      await part.start()
      return part
    },
    async end() {
      for (const part of parts) await part.stop()
      origin.closeAllConnections()
      origin.close()
      await nameserver.stop()
      await rm(dir, { recursive: true })
    },
  }
}

async function placeholders(
  dir: string,
  name: string,
  origin: Server,
  nameserver: Nameserver,
): Promise<Placeholders> {
  const [port, adminPort] = await freePorts(2)
  const originPort = String((origin.address() as AddressInfo).port)
  return {
    root,
    node: process.execPath,
    dir: path.join(dir, name),
    listen: `127.0.0.1:${port}`,
    admin: `127.0.0.1:${adminPort}`,
    origin: `127.0.0.1:${originPort}`,
    origin_name: originName,
    origin_port: originPort,
    nameserver: nameserver.address,
    max_size: '2g',
    valid: '1h',
    valid_short: '1h',
    inactive: '1h',
    hold_valid: '1h',
  }
}

/** The last number of a path is the object's size: /bench/4096/7 is the seventh of 4 KB. */
export function objectPath(bytes: number, i: number): string {
  return `/bench/${bytes}/${i}`
}

/** Answers with what S3 would say of such an object; only the filling of the caches comes here. */
async function startOrigin(authority: Authority): Promise<Server> {
  const server = createServer(await authority.issue(originName), (request, response) => {
    const bytes = Number(request.url?.split('/')[2])
    if (!(bytes > 0)) {
      response.writeHead(404).end()
      return
    }
    response.writeHead(200, {
      'Content-Type': 'application/octet-stream',
      'Content-Length': bytes,
      ETag: `"bench-${bytes}-1"`,
      'Last-Modified': 'Tue, 03 Nov 2026 12:00:00 GMT',
      'x-amz-request-id': 'BENCH00000000001',
    })
    response.end(request.method === 'HEAD' ? undefined : Buffer.alloc(bytes, 'breakwater'))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return server
}
