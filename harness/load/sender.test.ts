import type { AddressInfo, Socket } from 'node:net'
import { createServer } from 'node:net'
import t, { type Test } from 'tap'
import type { HistoryLine, Outcome, WindowLine } from '../history/events.ts'
import { Connections } from './connections.ts'
import { Recorder } from './recorder.ts'
import { Sender } from './sender.ts'
import { answer, byteServer, configFor, objectOf } from './testing.ts'

const body = 'the body of an object'
const object = objectOf('a/b c.map', body)
const flipped = body.replace('b', 'c')

/** One read of `object` from a server; how it ended, and every line the recorder made of it. */
async function readOnce(t: Test, url: string, timeoutMs = 300) {
  const lines: HistoryLine[] = []
  const nowMs = () => performance.now()
  const recorder = new Recorder((line) => lines.push(line), nowMs)
  const sender = new Sender(configFor(url, t.testdir(), [object], { timeoutMs }), recorder, nowMs)
  const connections = new Connections({ url })
  const arrival = {
    phase: 'p',
    population: 'known',
    key: object.key,
    requestId: 'r1',
    intendedMs: nowMs(),
    isScheduled: true,
  } as const
  recorder.arrived(arrival)
  const judged = await sender.read(arrival, object, { connections, handshake: 'kept' })
  recorder.flush(true)
  connections.close()
  const window = lines.find((line): line is WindowLine => line.type === 'window')!
  return { ...judged, lines, window }
}

type Misdeed = (socket: Socket) => void
const rightHead = `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n`

const table: [string, Outcome, RegExp, Misdeed][] = [
  ['answers without naming a cache', 'direct', /^$/, (s) => s.write(answer(body))],
  ['answers HIT', 'hit', /^$/, (s) => s.write(answer(body, 'X-Cache-Status: HIT', 'X-Backend: cache1'))],
  [
    'answers HIT from its own memory',
    'hit',
    /^$/,
    (s) => s.write(answer(body, 'X-Cache-Status: HIT', 'X-Backend: none')),
  ],
  ['answers STALE', 'stale', /^$/, (s) => s.write(answer(body, 'x-cache-status: STALE'))],
  ['answers UPDATING', 'stale', /^$/, (s) => s.write(answer(body, 'X-Cache-Status: UPDATING'))],
  ['answers REVALIDATED', 'revalidated', /^$/, (s) => s.write(answer(body, 'X-Cache-Status: REVALIDATED'))],
  ['answers MISS', 'miss', /^$/, (s) => s.write(answer(body, 'X-Cache-Status: MISS'))],
  ['answers EXPIRED', 'miss', /^$/, (s) => s.write(answer(body, 'X-Cache-Status: EXPIRED'))],
  [
    'answers by the backup',
    'failover',
    /^$/,
    (s) => s.write(answer(body, 'X-Cache-Status: BYPASS', 'X-Backend: s3')),
  ],
  [
    'answers in chunks',
    'direct',
    /^$/,
    (s) =>
      s.write(
        `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n${body.slice(0, 5)}\r\n10;x=y\r\n${body.slice(5)}\r\n0\r\nTrailer: x\r\n\r\n`,
      ),
  ],
  ['answers until it closes', 'direct', /^$/, (s) => s.end(`HTTP/1.1 200 OK\r\n\r\n${body}`)],
  [
    'sends 100 Continue first',
    'direct',
    /^$/,
    (s) => s.write(`HTTP/1.1 100 Continue\r\n\r\n${rightHead}${body}`),
  ],
  ['answers byte by byte', 'direct', /^$/, (s) => void dribble(s, answer(body))],
  ['sends more than it announced', 'direct', /^$/, (s) => s.write(`${rightHead}${body} and more`)],
  ['flips one bit', 'corrupt', /SHA-256/, (s) => s.write(answer(flipped))],
  ['flips one bit and answers byte by byte', 'corrupt', /SHA-256/, (s) => void dribble(s, answer(flipped))],
  ['serves a longer body', 'corrupt', /24 bytes instead of 21/, (s) => s.write(answer(`${body}...`))],
  [
    'serves part of it as 206',
    'corrupt',
    /status 206/,
    (s) => s.write('HTTP/1.1 206 Partial Content\r\nContent-Length: 3\r\n\r\nthe'),
  ],
  [
    'redirects',
    'corrupt',
    /status 307/,
    (s) => s.write('HTTP/1.1 307 Temporary Redirect\r\nContent-Length: 0\r\n\r\n'),
  ],
  ['truncates with a clean end', 'truncated', /7 of 21 bytes/, (s) => s.end(answer(body.slice(0, 7)))],
  [
    'closes within the body',
    'truncated',
    /closed within the body/,
    (s) => s.end(rightHead + body.slice(0, 7)),
  ],
  [
    'resets within the body',
    'truncated',
    /within the body/,
    (s) => {
      s.write(rightHead + body.slice(0, 7))
      setTimeout(() => s.resetAndDestroy(), 20)
    },
  ],
  [
    'closes within a chunk',
    'truncated',
    /closed/,
    (s) => s.end('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n15\r\nthe'),
  ],
  ['closes before an answer', 'reset', /closed before an answer/, (s) => s.end()],
  ['closes within the head', 'reset', /closed before an answer/, (s) => s.end('HTTP/1.1 200 OK\r\nContent-')],
  ['resets before an answer', 'reset', /ECONNRESET before an answer/, (s) => s.resetAndDestroy()],
  ['never answers', 'timeout', /not complete after 300 ms/, () => {}],
  [
    'stalls within the body',
    'timeout',
    /not complete after 300 ms/,
    (s) => s.write(rightHead + body.slice(0, 7)),
  ],
  ['speaks no HTTP', 'corrupt', /a status line of "SSH-2.0-x"/, (s) => s.write('SSH-2.0-x\r\n\r\n')],
  [
    'is missing the object',
    'http4xx',
    /status 404/,
    (s) => s.write('HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n'),
  ],
  [
    'asks for less',
    'http5xx',
    /status 503/,
    (s) => s.write('HTTP/1.1 503 Slow Down\r\nContent-Length: 4\r\n\r\nslow'),
  ],
]

for (const [what, outcome, detail, misdeed] of table) {
  t.test(`a server that ${what} gives exactly one ${outcome}`, async (t) => {
    await using server = await byteServer(misdeed)
    const end = await readOnce(t, server.url)
    t.equal(end.outcome, outcome)
    t.match(end.detail, detail)
    t.same(end.window.byOutcome, { [outcome]: 1 })
    t.equal(end.window.scheduled, 1)
    t.equal(end.lines.filter((line) => line.type === 'failure').length, end.detail === '' ? 0 : 1)
  })
}

async function dribble(socket: Socket, bytes: Buffer): Promise<void> {
  for (const byte of bytes) {
    socket.write(Buffer.of(byte))
    await new Promise(setImmediate)
  }
}

t.test('nobody listening gives one refused', async (t) => {
  const probe = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => probe.once('listening', resolve))
  const { port } = probe.address() as AddressInfo
  await new Promise((resolve) => probe.close(resolve))
  const end = await readOnce(t, `http://127.0.0.1:${port}`)
  t.equal(end.outcome, 'refused')
  t.same(end.window.byOutcome, { refused: 1 })
})

t.test(
  'an answer that is no TLS is a refused connection, for there is none that could be trusted',
  async (t) => {
    await using server = await byteServer((socket) => socket.write('HTTP/1.1 400 Bad Request\r\n\r\n'))
    const end = await readOnce(t, server.url.replace('http:', 'https:'))
    t.equal(end.outcome, 'refused')
  },
)

async function severalReads(t: Test, url: string, count: number) {
  const nowMs = () => performance.now()
  const recorder = new Recorder(() => {}, nowMs)
  const sender = new Sender(configFor(url, t.testdir(), [object], { timeoutMs: 300 }), recorder, nowMs)
  const connections = new Connections({ url })
  const ends: string[] = []
  for (let i = 0; i < count; i++) {
    const arrival = {
      phase: 'p',
      population: 'known',
      key: object.key,
      requestId: `r${i}`,
      intendedMs: nowMs(),
      isScheduled: true,
    } as const
    ends.push((await sender.read(arrival, object, { connections, handshake: 'kept' })).outcome)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  connections.close()
  return ends
}

t.test('a connection carries one read after the other', async (t) => {
  await using server = await byteServer((socket) => socket.write(answer(body)))
  t.same(await severalReads(t, server.url, 5), Array(5).fill('direct'))
  t.equal(server.accepted(), 1)
})

t.test('surplus bytes never become the next answer: the connection is given up', async (t) => {
  await using server = await byteServer((socket) => {
    socket.write(answer(body))
    setTimeout(() => socket.write('HTTP/1.1 500 Surplus\r\nContent-Length: 0\r\n\r\n'), 2)
  })
  t.same(await severalReads(t, server.url, 3), ['direct', 'direct', 'direct'])
  t.equal(server.accepted(), 3)
})

t.test('a server that closes after each answer costs no read', async (t) => {
  await using server = await byteServer((socket) => socket.end(answer(body)))
  t.same(await severalReads(t, server.url, 4), Array(4).fill('direct'))
  t.equal(server.accepted(), 4)
})

t.test('Connection: close is obeyed', async (t) => {
  await using server = await byteServer((socket) => socket.write(answer(body, 'Connection: close')))
  t.same(await severalReads(t, server.url, 3), Array(3).fill('direct'))
  t.equal(server.accepted(), 3)
})

t.test('an answer before the whole upload was taken counts, and its connection is given up', async (t) => {
  let requests = 0
  await using server = await byteServer((socket) => {
    if (requests++ > 0) return
    socket.pause()
    socket.write('HTTP/1.1 503 Slow Down\r\nContent-Length: 0\r\n\r\n')
  })
  const nowMs = () => performance.now()
  const recorder = new Recorder(() => {}, nowMs)
  const sender = new Sender(configFor(server.url, t.testdir(), [object]), recorder, nowMs)
  const connections = new Connections({ url: server.url })
  const arrival = {
    phase: 'p',
    population: 'upload',
    key: 'uploads/1',
    requestId: 'r1',
    intendedMs: nowMs(),
    isScheduled: true,
  } as const
  const options = { connections, handshake: 'kept' } as const
  const { outcome } = await sender.upload(arrival, Buffer.alloc(32 * 2 ** 20), options)
  t.equal(outcome, 'http5xx')
  t.equal(server.accepted(), 1)
  void sender.read({ ...arrival, population: 'known' }, object, options)
  await new Promise((resolve) => setTimeout(resolve, 50))
  t.equal(server.accepted(), 2)
  sender.cancelAll()
  connections.close()
})

t.test('keys are percent-encoded as S3 wants them', async (t) => {
  const requests: string[] = []
  await using server = await byteServer((socket, request) => {
    requests.push(request)
    socket.write(answer(body))
  })
  await severalReads(t, server.url, 1)
  t.match(requests[0], /^GET \/bucket\/a\/b%20c\.map HTTP\/1\.1\r\nHost: s3\.breakwater\.test\r\n/)
})
