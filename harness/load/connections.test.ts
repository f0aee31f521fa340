import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import tls, { type TLSSocket } from 'node:tls'
import t, { type Test } from 'tap'
import { makeAuthority } from '../origins/authority.ts'
import type { Ending } from './connection.ts'
import { Connections, type Handshake } from './connections.ts'
import { answer } from './testing.ts'

const serverName = 's3.breakwater.test'

/** A TLS server of one small answer, and what it saw of each handshake. */
async function tlsServer(t: Test, kind: 'good' | 'expired' | 'wrong-name' | 'unknown-authority' = 'good') {
  const authority = await makeAuthority(t.testdir())
  const handshakes: ('full' | 'resumed')[] = []
  const sockets = new Set<TLSSocket>()
  const server = tls.createServer(await authority.issue(serverName, kind), (socket) => {
    handshakes.push(socket.isSessionReused() ? 'resumed' : 'full')
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('data', () => socket.write(answer('hello')))
  })
  server.on('tlsClientError', () => {})
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`
  return { endpoint: { url, caFile: authority.caFile, serverName }, handshakes }
}

function get(connections: Connections, handshake: Handshake): Promise<Ending> {
  const request = { method: 'GET', target: '/', headers: ['Host', serverName], body: null }
  return new Promise((onEnd) => {
    connections.send(request, 2000, handshake, { onHead() {}, onBody() {}, onEnd })
  })
}

const table: [Handshake, string[]][] = [
  ['full', ['full', 'full', 'full']],
  ['resumed', ['full', 'resumed', 'resumed']],
  ['kept', ['full']],
]

for (const [handshake, seen] of table) {
  t.test(`three reads with handshake "${handshake}" are seen by the server as ${seen}`, async (t) => {
    const { endpoint, handshakes } = await tlsServer(t)
    const connections = new Connections(endpoint)
    for (let i = 0; i < 3; i++) t.same(await get(connections, handshake), { kind: 'complete' })
    t.same(handshakes, seen)
    connections.close()
  })
}

for (const kind of ['expired', 'wrong-name', 'unknown-authority'] as const) {
  t.test(`a certificate that is ${kind} is a refused connection`, async (t) => {
    const { endpoint } = await tlsServer(t, kind)
    const connections = new Connections(endpoint)
    const ending = await get(connections, 'kept')
    t.equal(ending.kind, 'refused')
    t.match(ending, { detail: /no connection: .*(certificate|altnames|expired)/i })
    connections.close()
  })
}
