import { connect } from 'node:net'
import { Writable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import t, { type Test } from 'tap'
import type { LentBody } from '../object.ts'
import { sendRaw } from '../testing/raw-client.ts'
import { memoryLog } from '../testing/requests.ts'
import { openDiskStore } from './disk-store.ts'
import { type HttpServerOptions, startHttpServer } from './http-server.ts'
import { sendLent } from './http-server-lent.ts'
import { nodeClock } from './node-clock.ts'
import { bodyOf, diskOptions, fill, readAll, testPorts } from './store/testing.ts'

const get = (target: string, more = '') => `GET ${target} HTTP/1.1\r\nHost: s3.test\r\n${more}\r\n`

async function serverFor(t: Test, handler: HttpServerOptions['handler']): Promise<number> {
  const server = await startHttpServer({
    host: '127.0.0.1',
    port: 0,
    clock: nodeClock,
    log: memoryLog(),
    handler,
  })
  t.teardown(() => server.close())
  return server.port
}

/** A server of the bodies in a disk store, each named by its size and lately read. */
async function serverOf(t: Test, sizes: readonly number[]) {
  const store = await openDiskStore(diskOptions(t.testdir()), testPorts())
  t.teardown(() => store.close())
  const bodies = new Map<string, Buffer>()
  for (const bytes of sizes) {
    bodies.set(`/${bytes}`, bodyOf(bytes, bytes))
    await readAll(store, await fill(store, `/${bytes}`, bodies.get(`/${bytes}`)!))
  }
  const port = await serverFor(t, ({ target }) => {
    const { length } = bodies.get(target)!
    const answer = { status: 200, headers: ['Content-Length', `${length}`] }
    const body = store.read(store.lookup(target)!, 0, length - 1)
    return body instanceof Promise ? body.then((body) => ({ ...answer, body })) : { ...answer, body }
  })
  return { port, bodies }
}

/** Asks for all targets at once, reads when the system's buffers are full, and then with pauses; the bodies that came. */
async function readSlowly(port: number, targets: readonly string[]): Promise<Buffer[]> {
  const socket = connect({ port, host: '127.0.0.1' })
  const last = targets.at(-1)!
  socket.write(
    targets
      .slice(0, -1)
      .map((target) => get(target))
      .join('') + get(last, 'Connection: close\r\n'),
  )
  await delay(200)
  const pieces: Buffer[] = []
  for await (const piece of socket) {
    pieces.push(piece)
    if (pieces.length % 32 === 0) await delay(1)
  }
  return bodiesIn(Buffer.concat(pieces))
}

function bodiesIn(answers: Buffer): Buffer[] {
  const bodies: Buffer[] = []
  for (let at = 0; at < answers.length; ) {
    const start = answers.indexOf('\r\n\r\n', at) + 4
    const length = Number(/Content-Length: (\d+)/.exec(answers.toString('latin1', at, start))![1])
    bodies.push(answers.subarray(start, start + length))
    at = start + length
  }
  return bodies
}

t.test('memory that is used again never changes what is still on its way to a slow client', async (t) => {
  const blocks = [65_536, 65_535, 65_534, 65_533]
  const { port, bodies } = await serverOf(t, [12_000_000, 30_000, 70_000, 1_048_576, ...blocks])
  const small = [...bodies.keys()].slice(1)
  const clients = [0, 1].map(async (i) => {
    // The large one fills the buffers of the system, so that what comes behind it has to wait.
    const targets = ['/12000000', ...small.slice(i), ...small, ...small, ...small]
    const got = await readSlowly(port, targets)
    return targets.filter((target, at) => !bodies.get(target)!.equals(got[at] ?? Buffer.alloc(0)))
  })
  t.strictSame((await Promise.all(clients)).flat(), [])
})

/** Lends the given pieces; an error is thrown in its turn, later. */
function lender(pieces: readonly (Uint8Array | Error)[]) {
  const rest = [...pieces]
  const seen = { left: 0 }
  const body: LentBody = {
    lend() {
      const piece = rest.shift() ?? null
      return piece instanceof Error ? Promise.reject(piece) : piece
    },
    leave() {
      seen.left += 1
    },
    async *[Symbol.asyncIterator]() {},
  }
  return { body, seen }
}

t.test('a lent body that is shorter or longer than promised, or breaks, cuts the connection', async (t) => {
  const half = Buffer.alloc(20_000, 'x')
  const broken = { short: [half], long: [half, half, half], breaks: [half, new Error('the disk failed')] }
  for (const [name, pieces] of Object.entries(broken)) {
    const { body, seen } = lender(pieces)
    const headers = ['Content-Length', '40000']
    const port = await serverFor(t, () => ({ status: 200, headers, body }))
    const { text, closed } = await sendRaw(port, get('/') + get('/next'))
    t.strictSame([closed, text.split('HTTP/1.1 ').length], [true, 2], `${name}: nothing behind it`)
    t.ok(text.split('\r\n\r\n')[1]!.length <= 40_000, 'never more than was promised')
    t.ok(seen.left > 0, 'the body is left')
  }
})

t.test('a client that goes away while pieces are on their way leaves the body', async (t) => {
  const { body, seen } = lender(Array(1000).fill(Buffer.alloc(500_000)))
  const headers = ['Content-Length', '500000000']
  const port = await serverFor(t, () => ({ status: 200, headers, body }))
  await sendRaw(port, get('/'), { until: (text) => text.length > 1_000_000 })
  for (let tries = 0; seen.left === 0 && tries < 400; tries += 1) await delay(5)
  t.equal(seen.left, 1)
})

t.test('a client that takes everything at once does not keep the others waiting', async (t) => {
  const writable = new Writable({ write: (_piece, _encoding, done) => done() })
  const target = { writable, drained: () => Promise.resolve(), isGone: () => false }
  let isTurned = false
  setImmediate(() => {
    isTurned = true
  })
  const pieces = Array<Buffer>(100).fill(Buffer.alloc(500_000))
  const { body } = lender(pieces)
  const lend = () => (isTurned ? null : body.lend())
  const sending = sendLent(target, { ...body, lend }, pieces.length * 500_000, 'head')
  await t.rejects(sending!, { code: 'truncated' }, 'the loop turned before the last piece')
})
