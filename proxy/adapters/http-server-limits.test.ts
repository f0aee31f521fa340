import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import t, { type Test } from 'tap'
import type { Body, Handler } from '../object.ts'
import { collect } from '../testing/memory-origin.ts'
import { sendRaw } from '../testing/raw-client.ts'
import { memoryLog } from '../testing/requests.ts'
import { type HttpServerLimits, startHttpServer } from './http-server.ts'
import { nodeClock } from './node-clock.ts'

const host = 'Host: s3.test\r\n'
const get = `GET /b/k HTTP/1.1\r\n${host}\r\n`

async function serverWith(t: Test, limits: Partial<HttpServerLimits>, handler?: Handler) {
  const ok: Handler = async ({ body }) => {
    await collect(body)
    return { status: 200, headers: [], body: Buffer.from('ok') }
  }
  const where = { host: '127.0.0.1', port: 0, clock: nodeClock, log: memoryLog() }
  const server = await startHttpServer({ ...where, handler: handler ?? ok, limits })
  t.teardown(() => server.close())
  return server
}

/** Sends a byte now and then until the server closes; what it said. */
async function trickle(port: number, bytes: string): Promise<string> {
  const socket = connect({ port, host: '127.0.0.1' })
  let text = ''
  socket.setEncoding('latin1').on('data', (piece: string) => {
    text += piece
  })
  socket.on('error', () => {})
  let at = 0
  const timer = setInterval(() => socket.write(bytes[at++ % bytes.length]!), 20)
  await once(socket, 'close')
  clearInterval(timer)
  return text
}

t.test('slowloris: a head that comes drop by drop is answered 408, on both paths', async (t) => {
  const { port } = await serverWith(t, { headTimeoutMs: 200 })
  const endless = 'a'.repeat(10_000)
  const slow = [`GET /${endless}`, `PUT /${endless}`]
  for (const said of await Promise.all(slow.map((bytes) => trickle(port, bytes)))) {
    t.match(said, /^HTTP\/1\.1 408 Request Timeout\r\n[\s\S]*Connection: close\r\n/)
  }
})

t.test('a connection that idled for long and then asks in two pieces is answered', async (t) => {
  const { port } = await serverWith(t, { headTimeoutMs: 1200 })
  const socket = connect({ port, host: '127.0.0.1' })
  await once(socket, 'connect')
  await new Promise((resolve) => setTimeout(resolve, 1300)) // longer than a head may take
  socket.write(get.slice(0, 20))
  await new Promise((resolve) => setTimeout(resolve, 1050)) // longer than the server's look at all connections
  socket.write(get.slice(20))
  const [answer] = await once(socket, 'data')
  t.match(String(answer), /^HTTP\/1\.1 200 /)
  socket.destroy()
})

t.test('an idle connection is closed after its time, on both paths', async (t) => {
  const { port } = await serverWith(t, { keepAliveMs: 200 })
  const put = `PUT /b/k HTTP/1.1\r\n${host}Content-Length: 0\r\n\r\n`
  for (const answer of await Promise.all([get, put].map((bytes) => sendRaw(port, bytes)))) {
    t.strictSame([answer.statuses, answer.closed], [[200], true])
  }
})

t.test(
  'beyond the largest number of connections: 503 with Retry-After; room again when one leaves',
  async (t) => {
    const server = await serverWith(t, { maxConnections: 2 })
    const open = await Promise.all([1, 2].map(() => connected(server.port)))
    const refused = await sendRaw(server.port, '')
    t.match(refused.text, /^HTTP\/1\.1 503 [\s\S]*Retry-After: 1\r\n/)
    t.ok(refused.closed)
    open[0]!.destroy()
    while (server.connections() > 1) await new Promise((resolve) => setImmediate(resolve))
    t.strictSame((await sendRaw(server.port, get, { halfClose: true })).statuses, [200])
    open[1]!.destroy()
  },
)

async function connected(port: number): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1' })
  socket.on('error', () => {})
  await once(socket, 'connect')
  socket.write(get)
  await once(socket, 'data') // answered: so it is accepted, and counted
  return socket
}

/** A body without end that tells how much was taken and when it was let go. */
function endlessBody() {
  let takenBytes = 0
  let letGo = () => {}
  const gone = new Promise<void>((resolve) => {
    letGo = resolve
  })
  async function* body(): Body {
    try {
      for (;;) {
        takenBytes += 65_536
        yield Buffer.alloc(65_536)
      }
    } finally {
      letGo()
    }
  }
  return { body, gone, taken: () => takenBytes }
}

t.test('a slow reader must not pin large buffers, and is cut off once it stops, on both paths', async (t) => {
  const story = async (version: string) => {
    const endless = endlessBody()
    const { port } = await serverWith(t, { stallTimeoutMs: 300 }, async () => ({
      status: 200,
      headers: [],
      body: endless.body(),
    }))
    const socket = connect({ port, host: '127.0.0.1' })
    socket.on('error', () => {})
    socket.pause()
    socket.write(`GET /b/k HTTP/${version}\r\n${host}\r\n`)
    await endless.gone
    t.ok(endless.taken() < 16 * 1024 ** 2, `${endless.taken()} bytes went to the sockets' buffers`)
    socket.destroy()
  }
  await Promise.all([story('1.1'), story('1.0')])
})

t.test('an upload that stands still is answered 408, and its body breaks', async (t) => {
  let broke: string | undefined
  const { port } = await serverWith(t, { stallTimeoutMs: 150 }, async ({ body }) => {
    await collect(body).catch(({ code }) => {
      broke = code
    })
    return { status: 200, headers: [], body: null }
  })
  const answer = await sendRaw(port, `PUT /b/k HTTP/1.1\r\n${host}Content-Length: 10\r\n\r\nhalf`)
  t.strictSame([answer.statuses, answer.closed, broke], [[408], true, 'client-gone'])
})

t.test(
  'a body that is shorter or longer than its head promised, or breaks, cuts the connection',
  async (t) => {
    const bodies: Record<string, () => Body> = {
      '/short': async function* () {
        yield Buffer.from('123')
      },
      '/long': async function* () {
        yield Buffer.from('12345')
        yield Buffer.from('6')
      },
      '/breaks': async function* () {
        yield Buffer.from('12')
        throw new Error('the disk failed')
      },
    }
    const { port } = await serverWith(t, {}, async ({ target }) => ({
      status: 200,
      headers: target === '/breaks' ? [] : ['Content-Length', '5'],
      body: bodies[target]!(),
    }))
    for (const method of ['GET', 'POST']) {
      for (const target of Object.keys(bodies)) {
        const length = method === 'POST' ? 'Content-Length: 0\r\n' : ''
        const { text, closed } = await sendRaw(port, `${method} ${target} HTTP/1.1\r\n${host}${length}\r\n`)
        const [head, body = ''] = text.split('\r\n\r\n', 2)
        if (/chunked/i.test(head!)) t.notOk(text.endsWith('0\r\n\r\n'), 'no last chunk')
        else t.ok(target === '/short' ? body.length < 5 : body.length <= 5, 'never more than was promised')
        t.ok(closed, `${method} ${target}`)
      }
    }
  },
)

t.test('a handler that fails is a 500 and the end of its connection', async (t) => {
  const { port } = await serverWith(t, {}, ({ target }) => {
    if (target === '/at-once') throw new Error('secret')
    return Promise.reject(new Error('secret'))
  })
  for (const line of ['GET /at-once', 'GET /later', 'DELETE /at-once', 'DELETE /later']) {
    const answer = await sendRaw(port, `${line} HTTP/1.1\r\n${host}\r\n${get}`)
    t.strictSame([answer.statuses, answer.closed], [[500], true], line)
    t.notMatch(answer.text, 'secret', 'the client is told no details')
  }
})
