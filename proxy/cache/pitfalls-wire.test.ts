// What an S3 may send over a real connection and must never be stored: what caching proxies get wrong, one test each.
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import t, { type Test } from 'tap'
import { createHttpOrigin } from '../adapters/http-origin.ts'
import { nodeClock, nodeRandom } from '../adapters/node-clock.ts'
import { cacheOptions, readAnswer } from '../testing/cache-world.ts'
import { MemoryBodyStore } from '../testing/memory-store.ts'
import { memoryLog, request } from '../testing/requests.ts'
import { createCache } from './handle.ts'

/** A cache before an S3 that answers every request with these bytes and closes behind them. */
async function cacheBefore(t: Test, answer: string) {
  const server = createServer((socket) => {
    socket.on('error', () => {})
    socket.once('data', () => socket.end(answer, 'latin1'))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const times = { connectMs: 2000, firstByteMs: 2000, betweenBytesMs: 2000, maxConnections: 2 }
  const where = { name: 's3', url, ca: null, serverName: null }
  const origin = createHttpOrigin({ ...where, ...times }, { resolve: async () => ['127.0.0.1'] }, nodeClock)
  const store = new MemoryBodyStore()
  const cache = createCache(
    { ...cacheOptions, deadlineMs: 5000 },
    {
      ...{ store, origins: [origin], clock: nodeClock, random: nodeRandom, log: memoryLog() },
      ...{ signatures: null, digests: null, accessLog: null },
    },
  )
  t.teardown(async () => {
    await origin.close()
    server.close()
  })
  const read = async () =>
    readAnswer(await cache.handle(request('/b/k', { receivedMs: nodeClock.monotonicMs() })))
  return { store, read }
}

const ok = 'HTTP/1.1 200 OK\r\nETag: "abc"\r\n'

const heads = {
  'of more than 64 KB': `X: ${'y'.repeat(70_000)}\r\n`,
  'of 100 KB in all': `X: ${'y'.repeat(999)}\r\n`.repeat(100),
  'in 2000 lines': 'X: y\r\n'.repeat(2000),
}
for (const [what, lines] of Object.entries(heads)) {
  t.test(`response headers ${what}: 502, not stored`, async (t) => {
    const { store, read } = await cacheBefore(t, `${ok}${lines}Content-Length: 5\r\n\r\nhello`)
    const answer = await read()
    t.equal(answer.status, 502)
    t.match(answer.cacheStatus, /detail=bad-header/)
    t.strictSame(store.keys, [])
  })
}

const bodies = {
  'Content-Length says 100, 90 arrive, then a clean FIN': `Content-Length: 100\r\n\r\n${'x'.repeat(90)}`,
  'chunked without the last chunk': 'Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n',
}
for (const [what, rest] of Object.entries(bodies)) {
  t.test(`${what}: never stored, the client’s connection is dropped`, async (t) => {
    const { store, read } = await cacheBefore(t, ok + rest)
    await t.rejects(read(), { name: 'ProxyError', source: 'origin' }, 'the body breaks, so the server cuts')
    t.strictSame(store.keys, [])
    t.equal(store.openWriters, 0)
  })
}

t.test('what is as it should be is stored', async (t) => {
  const { store, read } = await cacheBefore(t, `${ok}Content-Length: 5\r\n\r\nhello`)
  t.equal((await read()).status, 200)
  t.strictSame(store.keys, ['b/k'])
})
