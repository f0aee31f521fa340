import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import t, { type Test } from 'tap'
import { collect } from '../testing/memory-origin.ts'
import { createHttpOrigin } from './http-origin.ts'
import { nodeClock } from './node-clock.ts'

const loopback = { resolve: async () => ['127.0.0.1'] }

/** An origin that answers every request with these bytes and then closes. */
async function originAnswering(t: Test, answer: string) {
  const server = createServer((socket) => {
    socket.on('error', () => {})
    socket.once('data', () => socket.end(answer, 'latin1'))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const timeouts = { connectMs: 2000, firstByteMs: 2000, betweenBytesMs: 2000 }
  const url = `http://127.0.0.1:${port}`
  const where = { name: 's3', url, ca: null, serverName: null, maxConnections: 2 }
  const origin = createHttpOrigin({ ...where, ...timeouts }, loopback, nodeClock)
  t.teardown(async () => {
    await origin.close()
    server.close()
  })
  return {
    async read(method = 'GET') {
      const answer = await origin.fetch({ method, target: '/b/k', headers: ['Host', 's3'], body: null })
      return { status: answer.status, body: Buffer.from(await collect(answer.body)).toString() }
    },
  }
}

const ok = 'HTTP/1.1 200 OK\r\n'

t.test('heads that no proxy should trust are refused, and so are bodies that end short', async (t) => {
  const many = Array.from({ length: 2000 }, (_, i) => `X-${i}: y\r\n`).join('')
  const cases: [what: string, answer: string, code: string][] = [
    ['2000 headers', `${ok}${many}Content-Length: 5\r\n\r\nhello`, 'bad-header'],
    ['a header of 70 KB', `${ok}X: ${'y'.repeat(70_000)}\r\nContent-Length: 5\r\n\r\nhello`, 'bad-header'],
    ['Transfer-Encoding: gzip', `${ok}Transfer-Encoding: gzip\r\n\r\nhello`, 'bad-header'],
    ['gzip, chunked', `${ok}Transfer-Encoding: gzip, chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n`, 'bad-header'],
    ['a bare line feed', `HTTP/1.1 200 OK\nContent-Length: 5\n\nhello`, 'bad-header'],
    ['a negative length', `${ok}Content-Length: -5\r\n\r\nhello`, 'bad-header'],
    ['what is not HTTP', 'garbage\r\n\r\n', 'bad-header'],
    ['nothing at all', '', 'closed-early'],
    ['90 bytes of 100', `${ok}Content-Length: 100\r\n\r\n${'x'.repeat(90)}`, 'truncated'],
    ['chunks without the last one', `${ok}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n`, 'truncated'],
  ]
  for (const [what, answer, code] of cases) {
    const origin = await originAnswering(t, answer)
    await t.rejects(origin.read(), { code, source: 'origin' }, what)
  }
})

t.test('a body whose length is told twice, differently, is never taken for whole', async (t) => {
  const chunks = '5\r\nhello\r\n0\r\n\r\n'
  const cases = [
    `${ok}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n${chunks}`,
    `${ok}Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n${chunks}`,
    `${ok}Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!`,
    `${ok}Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello`,
  ]
  for (const answer of cases) {
    const origin = await originAnswering(t, answer)
    await t.rejects(origin.read(), { name: 'ProxyError', source: 'origin' }, answer)
  }
})

t.test('what is as it should be comes whole', async (t) => {
  const cases: [what: string, answer: string][] = [
    ['a length', `${ok}Content-Length: 5\r\n\r\nhello`],
    ['chunks', `${ok}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n`],
    ['after early hints', `HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n${ok}Content-Length: 5\r\n\r\nhello`],
  ]
  for (const [what, answer] of cases) {
    const origin = await originAnswering(t, answer)
    t.same(await origin.read(), { status: 200, body: 'hello' }, what)
  }
})
