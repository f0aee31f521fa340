import { readFile } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { connect, createServer } from 'node:tls'
import t from 'tap'
import { makeAuthority, type ServerCertificate } from './authority.ts'
import { certificateKinds } from './handle.ts'

/** The name of the error a verifying client meets, or `verified`. */
async function handshake(certificate: ServerCertificate, ca: string): Promise<string> {
  const server = createServer(certificate, (socket) => socket.on('error', () => {}).end())
  server.on('tlsClientError', () => {})
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  try {
    return await new Promise((resolve) => {
      const socket = connect({ port, host: '127.0.0.1', servername: 's3.breakwater.test', ca })
      socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
      socket.on('secureConnect', () => resolve('verified'))
      socket.resume()
    })
  } finally {
    server.close()
  }
}

t.test(
  'a client that trusts the run’s authority meets each wrong certificate with its own error',
  async (t) => {
    const authority = await makeAuthority(t.testdir())
    const ca = await readFile(authority.caFile, 'utf8')
    const expected = {
      good: 'verified',
      expired: 'CERT_HAS_EXPIRED',
      'wrong-name': 'ERR_TLS_CERT_ALTNAME_INVALID',
      'unknown-authority': 'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
    }
    for (const kind of certificateKinds) {
      const certificate = await authority.issue('s3.breakwater.test', kind)
      t.equal(await handshake(certificate, ca), expected[kind], kind)
    }
  },
)
