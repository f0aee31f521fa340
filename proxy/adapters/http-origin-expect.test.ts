// Expect: 100-continue from a raw client through our server to a raw S3, on real sockets.
import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import t, { type Test } from 'tap'
import type { Handler } from '../object.ts'
import type { OriginRequest } from '../ports.ts'
import { pieces } from '../testing/memory-origin.ts'
import { sendRaw } from '../testing/raw-client.ts'
import { memoryLog } from '../testing/requests.ts'
import { createHttpOrigin } from './http-origin.ts'
import { startHttpServer } from './http-server.ts'
import { nodeClock } from './node-clock.ts'

const head = 'PUT /b/k HTTP/1.1\r\nHost: s3.test\r\nContent-Length: 4\r\nExpect: 100-continue\r\n'
const goOn = 'HTTP/1.1 100 Continue\r\n\r\n'
const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'
const no = 'HTTP/1.1 403 Forbidden\r\nContent-Length: 6\r\n\r\ndenied'

/** What S3 does with a request of which it has this text so far. */
type Behaviour = (text: string, socket: Socket, connection: number) => void

/** A raw S3, and our server before it. `seen`: what each connection to S3 got. */
async function world(t: Test, behave: Behaviour) {
  const seen: string[] = []
  const sockets = new Set<Socket>()
  const s3 = createServer((socket) => {
    sockets.add(socket)
    const number = seen.push('') - 1
    socket.on('error', () => {})
    socket.setEncoding('latin1').on('data', (piece: string) => {
      seen[number] += piece
      behave(seen[number]!, socket, number)
    })
  }).listen(0, '127.0.0.1')
  await once(s3, 'listening')
  const { port } = s3.address() as { port: number }
  const times = { connectMs: 1000, firstByteMs: 500, betweenBytesMs: 500, maxConnections: 4 }
  const where = { name: 's3', url: `http://127.0.0.1:${port}`, ca: null, serverName: null }
  const origin = createHttpOrigin({ ...where, ...times }, { resolve: async () => ['127.0.0.1'] }, nodeClock)
  const handler: Handler = (request) => origin.fetch(request)
  const here = { host: '127.0.0.1', port: 0, clock: nodeClock, log: memoryLog() }
  const server = await startHttpServer({ ...here, handler })
  t.teardown(async () => {
    await server.close()
    await origin.close()
    for (const socket of sockets) socket.destroy()
    s3.close()
  })
  return { seen, origin, port: server.port }
}

const until = (end: string) => (text: string) => text.endsWith(end)

t.test('an upload that S3 refuses by its head is refused without its body', async (t) => {
  const { seen, port } = await world(t, (text, socket) => text.endsWith('\r\n\r\n') && socket.write(no))
  const { text, statuses, closed } = await sendRaw(port, `${head}\r\n`)
  t.strictSame(statuses, [403], 'no 100: the client keeps its body')
  t.match(text, /\r\nConnection: close\r\n/)
  t.ok(closed)
  t.match(seen[0], /^PUT \/b\/k HTTP\/1\.1\r\n[\s\S]*\r\nExpect: 100-continue\r\n/)
  t.match(seen[0], /\r\n\r\n$/, 'S3 got the head and nothing else')
})

t.test('the client is told to go on when S3 says so, and not before', async (t) => {
  const { seen, port } = await world(t, (text, socket) => {
    if (text.endsWith('\r\n\r\n')) socket.write(goOn)
    if (text.endsWith('body')) socket.write(ok)
  })
  const waiting = await sendRaw(port, `${head}\r\n`, { until: until(goOn) })
  t.strictSame(waiting.statuses, [100])
  t.match(seen[0], /Expect: 100-continue/)
  const whole = await sendRaw(port, `${head}\r\nbody`, { until: until('ok') })
  t.strictSame(
    whole.statuses.filter((status) => status !== 100),
    [200],
    'a client that does not wait is served',
  )
  t.match(seen.at(-1), /\r\n\r\nbody$/)
})

t.test('Expect goes on as it was written, since a client may have signed it', async (t) => {
  const { seen, port } = await world(t, (text, socket) => {
    if (text.endsWith('\r\n\r\n')) socket.write(goOn)
    if (text.endsWith('body')) socket.write(ok)
  })
  const capital = head.replace('100-continue', '100-Continue')
  t.equal((await sendRaw(port, `${capital}\r\nbody`, { until: until('ok') })).statuses.at(-1), 200)
  t.match(seen[0], /\r\nExpect: 100-Continue\r\n/)
  t.equal(seen[0]!.split('Expect').length, 2, 'once')
})

t.test('an S3 that knows no 100 gets the body after a while', async (t) => {
  const { seen, port } = await world(t, (text, socket) => text.endsWith('body') && socket.write(ok))
  const { statuses } = await sendRaw(port, `${head}\r\nbody`, { until: until('ok') })
  t.strictSame(statuses, [100, 200])
  t.match(seen[0], /\r\n\r\nbody$/)
})

t.test('a body without a length goes on in chunks', async (t) => {
  const { seen, port } = await world(t, (text, socket) => {
    if (text.endsWith('\r\n\r\n') && !text.endsWith('0\r\n\r\n')) socket.write(goOn)
    if (text.endsWith('0\r\n\r\n')) socket.write(ok)
  })
  const chunked = `${head.replace('Content-Length: 4', 'Transfer-Encoding: chunked')}\r\n4\r\nbody\r\n0\r\n\r\n`
  const { statuses } = await sendRaw(port, chunked, { until: until('ok') })
  t.equal(statuses.at(-1), 200)
  t.match(seen[0], /\r\nTransfer-Encoding: chunked\r\n/)
  t.match(seen[0], /\r\n4\r\nbody\r\n0\r\n\r\n$/)
})

t.test('a client of HTTP/1.0 is never told to go on', async (t) => {
  const { port } = await world(t, (text, socket) => text.endsWith('body') && socket.write(ok))
  const old = head.replace('HTTP/1.1', 'HTTP/1.0')
  t.strictSame((await sendRaw(port, `${old}\r\nbody`)).statuses, [200])
})

const upload = (chunks: string[]): OriginRequest => ({
  method: 'PUT',
  target: '/b/k',
  headers: ['Host', 's3.test', 'Content-Length', '4', 'Expect', '100-continue'],
  body: pieces(chunks.map((chunk) => Buffer.from(chunk))),
})

t.test(
  'what ends before the body was asked for can be tried elsewhere; what ends later may have acted',
  async (t) => {
    const dying = await world(t, (text, socket) => text.endsWith('\r\n\r\n') && socket.destroy())
    await t.rejects(dying.origin.fetch(upload(['body'])), { code: 'connect-refused', retryable: true })
    const later = await world(t, (text, socket) => {
      if (text.endsWith('\r\n\r\n')) socket.write(goOn)
      if (text.endsWith('body')) socket.destroy()
    })
    await t.rejects(later.origin.fetch(upload(['body'])), { code: 'reset', retryable: false })
    const silent = await world(t, (text, socket) => text.endsWith('\r\n\r\n') && socket.write(goOn))
    await t.rejects(silent.origin.fetch(upload(['bo', 'dy'])), {
      code: 'first-byte-timeout',
      retryable: false,
    })
  },
)

t.test('connections are used again, also one that S3 closes just then', async (t) => {
  const { seen, origin } = await world(t, (text, socket, number) => {
    const uploads = text.split('PUT ').length - 1
    if (number === 0 && uploads === 3) socket.destroy()
    else if (text.endsWith('\r\n\r\n')) socket.write(goOn)
    else if (text.endsWith('body')) socket.write(ok)
  })
  for (let i = 0; i < 3; i++) {
    const { status, body } = await origin.fetch(upload(['body']))
    t.equal(status, 200)
    for await (const _ of body);
  }
  t.equal(seen.length, 2)
})

t.test('a client that leaves while S3 thinks ends the request', async (t) => {
  const { origin } = await world(t, () => {})
  const caller = new AbortController()
  const asked = origin.fetch({ ...upload(['body']), signal: caller.signal })
  setTimeout(() => caller.abort(), 50)
  await t.rejects(asked, { code: 'client-gone' })
})

t.test(
  'a connection that S3 will close within a second carries no other upload (Keep-Alive: timeout=1)',
  async (t) => {
    const soon = ok.replace('\r\n', '\r\nKeep-Alive: timeout=1\r\n')
    const { seen, origin } = await world(t, (text, socket) => {
      if (text.includes('Expect') && text.endsWith('\r\n\r\n')) socket.write(goOn)
      else if (text.endsWith('body')) socket.write(soon)
    })
    for (const expect of [['Expect', '100-continue'], []]) {
      for (let i = 0; i < 2; i++) {
        const headers = ['Host', 's3.test', 'Content-Length', '4', ...expect]
        const { body } = await origin.fetch({ ...upload(['body']), headers })
        for await (const _ of body);
      }
    }
    t.equal(seen.length, 4)
  },
)
