// Header values beyond ASCII are bytes to HTTP (obs-text, RFC 9110 §5.5), signed as they are and stored as metadata: they
// pass unchanged, both ways and whatever client and server of ours carries them.
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import t, { type Test } from 'tap'
import type { Handler } from '../object.ts'
import { collect } from '../testing/memory-origin.ts'
import { sendRaw } from '../testing/raw-client.ts'
import { memoryLog } from '../testing/requests.ts'
import { createHttpOrigin } from './http-origin.ts'
import { startHttpServer } from './http-server.ts'
import { nodeClock } from './node-clock.ts'

/** "é" in UTF-8, and a byte that is no UTF-8, as latin1. */
const name = 'x-amz-meta-name: \xc3\xa9 \xff\r\n'

/** A raw S3 that answers every request with the header, and our server before it. */
async function world(t: Test, whole: boolean) {
  let seen = ''
  const s3 = createServer((socket) => {
    let text = ''
    socket.on('error', () => {})
    socket.setEncoding('latin1').on('data', (piece: string) => {
      text += piece
      seen += piece
      const isWhole = text.endsWith(/ength: 4/i.test(text) ? 'body' : '\r\n\r\n')
      if (/Expect/i.test(text) && !isWhole) socket.write('HTTP/1.1 100 Continue\r\n\r\n')
      if (isWhole) socket.end(`HTTP/1.1 200 OK\r\n${name}Content-Length: 2\r\n\r\nok`, 'latin1')
    })
  }).listen(0, '127.0.0.1')
  await once(s3, 'listening')
  const url = `http://127.0.0.1:${(s3.address() as AddressInfo).port}`
  const times = { connectMs: 2000, firstByteMs: 2000, betweenBytesMs: 2000, maxConnections: 4 }
  const where = { name: 's3', url, ca: null, serverName: null }
  const origin = createHttpOrigin({ ...where, ...times }, { resolve: async () => ['127.0.0.1'] }, nodeClock)
  const handler: Handler = async (request) => {
    const answer = await origin.fetch(request)
    return whole ? { ...answer, body: await collect(answer.body) } : answer
  }
  const here = { host: '127.0.0.1', port: 0, clock: nodeClock, log: memoryLog() }
  const server = await startHttpServer({ ...here, handler })
  t.teardown(async () => {
    await server.close()
    await origin.close()
    s3.close()
  })
  return { port: server.port, seen: () => seen }
}

const length = 'Content-Length: 4\r\n'
const requests = {
  'a GET': ['GET', '', ''],
  'a HEAD': ['HEAD', '', ''],
  'a GET on the full path': ['GET', 'Expect: 100-continue\r\n', ''],
  'an upload': ['PUT', length, 'body'],
  'an upload that waits to be wanted': ['PUT', `${length}Expect: 100-continue\r\n`, 'body'],
} as const

for (const whole of [true, false]) {
  for (const [what, [method, lines, body]] of Object.entries(requests)) {
    t.test(
      `${what}, answered ${whole ? 'at once' : 'in pieces'}: header bytes pass as they are`,
      async (t) => {
        const { port, seen } = await world(t, whole)
        const head = `${method} /b/k HTTP/1.1\r\nHost: s3.test\r\n${name}${lines}Connection: close\r\n\r\n`
        const { text, statuses } = await sendRaw(port, head + body)
        t.equal(statuses.at(-1), 200)
        t.ok(seen().includes(`\n${name}`), JSON.stringify(seen()))
        t.ok(text.includes(`\n${name}`), JSON.stringify(text))
      },
    )
  }
}
