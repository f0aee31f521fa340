import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { createHttpOrigin } from './http-origin.ts'
import { nodeClock } from './node-clock.ts'

const size = 20 * 1024 * 1024
const request = { method: 'GET', target: '/', headers: ['Host', 's3.test'], body: null }

t.test('a body that is thrown away gives its connection back, read or unread', async (t) => {
  const server = createServer((_request, response) => response.end(Buffer.alloc(size))).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const times = { connectMs: 1000, firstByteMs: 1000, betweenBytesMs: 1000 }
  const where = { name: 's3', url: `http://127.0.0.1:${port}`, ca: null, serverName: null }
  const resolver = { resolve: async () => ['127.0.0.1'] }
  const origin = createHttpOrigin({ ...where, ...times, maxConnections: 1 }, resolver, nodeClock)
  t.teardown(async () => {
    await origin.close()
    server.closeAllConnections()
    server.close()
  })
  for (const read of ['unread', 'begun'] as const) {
    const { body } = await origin.fetch(request)
    const pieces = body[Symbol.asyncIterator]()
    if (read === 'begun') await pieces.next()
    await pieces.return!()
  }
  let bytes = 0
  for await (const piece of (await origin.fetch(request)).body) bytes += piece.length
  t.equal(bytes, size, 'the only connection serves the next request')
})
