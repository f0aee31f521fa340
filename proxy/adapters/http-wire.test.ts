import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type OnReadOpts, type Socket } from 'node:net'
import t, { type Test } from 'tap'
import type { OriginRequest, OriginResponse } from '../ports.ts'
import { collect } from '../testing/memory-origin.ts'
import { WireClient, type WireOptions } from './http-wire.ts'

const get: OriginRequest = { method: 'GET', target: '/b/k', headers: ['Host', 's3'], body: null }
const answer = (body: string) => `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`
const turn = () => new Promise((resolve) => setImmediate(resolve))

/** A client before a server that does this with each request; `asked` are its targets, by connection. */
async function clientOf(
  t: Test,
  onRequest: (socket: Socket, target: string) => void,
  more: Partial<WireOptions> = {},
) {
  const asked: string[][] = []
  const sockets: Socket[] = []
  const server = createServer((socket) => {
    const targets: string[] = []
    asked.push(targets)
    sockets.push(socket.on('error', () => {}))
    socket.on('data', (bytes: Buffer) => {
      const target = bytes.toString('latin1').split(' ')[1]!
      targets.push(target)
      onRequest(socket, target)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const open = async (onread?: OnReadOpts) => {
    const socket = connect({ port, host: '127.0.0.1', ...(onread && { onread }) })
    await once(socket, 'connect')
    return socket
  }
  const times = { firstByteMs: 2000, betweenBytesMs: 2000, keepAliveMs: 5000 }
  const client = new WireClient(open, { name: 'c', host: 'c', maxConnections: 4, ...times, ...more })
  t.teardown(() => {
    client.close()
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const fetch = (request: OriginRequest) =>
    new Promise<OriginResponse>((answered, failed) => client.send(request, { answered, failed }))
  const read = async (target: string, more: Partial<OriginRequest> = {}) =>
    Buffer.from(await collect((await fetch({ ...get, target, ...more })).body)).toString('latin1')
  return { client, fetch, read, asked, sockets }
}

t.test('a body that comes with its head is given whole; one that does not, in pieces', async (t) => {
  const { fetch } = await clientOf(t, (socket, target) => {
    if (target === '/whole') socket.write(answer('hello'))
    else socket.write(answer('hello').slice(0, -2), () => setTimeout(() => socket.write('lo'), 20))
  })
  const whole = await fetch({ ...get, target: '/whole' })
  t.equal(Buffer.from(whole.whole!).toString(), 'hello')
  t.equal(Buffer.from(await collect(whole.body)).toString(), 'hello', 'its body says the same')
  const parts = await fetch({ ...get, target: '/parts' })
  t.equal(parts.whole, undefined)
  t.equal(Buffer.from(await collect(parts.body)).toString(), 'hello')
})

t.test('however an answer is cut into packets, it is the same', async (t) => {
  const early = 'HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n'
  const answers = {
    '/length': answer('hello'),
    '/chunks':
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2;x\r\nlo\r\n0\r\nA: b\r\n\r\n',
    '/hints': `${early}${early}${answer('hello')}`,
  }
  const { read, asked } = await clientOf(t, async (socket, target) => {
    for (const byte of answers[target as keyof typeof answers]) {
      socket.write(byte)
      await turn()
    }
  })
  for (const target of Object.keys(answers)) t.equal(await read(target), 'hello', target)
  t.strictSame(asked, [Object.keys(answers)], 'on one connection')
})

t.test('more requests than connections wait, first come, first served', async (t) => {
  const held: Socket[] = []
  const { client, read, asked } = await clientOf(t, (socket) => void held.push(socket), { maxConnections: 1 })
  const caller = new AbortController()
  const first = read('/1')
  const second = read('/2', { signal: caller.signal })
  const third = read('/3')
  caller.abort()
  await t.rejects(second, { code: 'client-gone' }, 'who leaves while waiting is never asked for')
  while (held.length < 1) await turn()
  held[0]!.write(answer('one'))
  t.equal(await first, 'one')
  while (held.length < 2) await turn()
  held[1]!.write(answer('three'))
  t.equal(await third, 'three')
  t.strictSame(asked, [['/1', '/3']])
  const last = read('/4')
  client.close()
  await t.rejects(last, { code: 'closed-early', retryable: true })
  await t.rejects(read('/5'), { code: 'closed-early' }, 'nothing is asked of a closed client')
})

t.test(
  'a connection is not used again after what was not asked for, nor when the server closes it',
  async (t) => {
    const { read, asked, sockets } = await clientOf(t, (socket, target) => {
      const close =
        target === '/close' ? 'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok' : null
      socket.write(close ?? answer('ok'))
    })
    t.equal(await read('/1'), 'ok')
    sockets[0]!.write(answer('poison'))
    await once(sockets[0]!, 'close')
    t.equal(await read('/close'), 'ok', 'an answer to nobody answers nobody')
    t.equal(await read('/3'), 'ok')
    sockets[2]!.end()
    await once(sockets[2]!, 'close')
    t.equal(await read('/4'), 'ok')
    t.strictSame(asked, [['/1'], ['/close'], ['/3'], ['/4']])
  },
)

t.test('a body without a length ends with the connection, and a reset breaks it', async (t) => {
  const { read } = await clientOf(t, (socket, target) => {
    socket.write('HTTP/1.1 200 OK\r\n\r\nhello', () =>
      target === '/end' ? socket.end() : setTimeout(() => socket.resetAndDestroy(), 20),
    )
  })
  t.equal(await read('/end'), 'hello')
  await t.rejects(read('/reset'), { code: 'reset' })
})

t.test(
  'a reader that stands still stops the server: what it is ahead stays in the buffers of the system',
  async (t) => {
    const size = 64 * 1024 * 1024
    const { fetch, sockets } = await clientOf(t, (socket) => {
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n`)
      const piece = Buffer.alloc(64 * 1024)
      for (let i = 0; i < size / piece.length; i++) socket.write(piece)
    })
    const { body } = await fetch(get)
    const pieces = body[Symbol.asyncIterator]()
    let bytes = (await pieces.next()).value!.length
    let waiting = -1
    while (waiting !== sockets[0]!.writableLength) {
      waiting = sockets[0]!.writableLength
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
    t.ok(waiting > size / 2, `${waiting} bytes wait at the server`)
    for (let next = await pieces.next(); !next.done; next = await pieces.next()) bytes += next.value.length
    t.equal(bytes, size)
  },
)

t.test('a request may bring its own patience with a body that stands still', async (t) => {
  const halves = (socket: Socket) => {
    socket.write(answer('hello').slice(0, -2), () => setTimeout(() => socket.write('lo'), 200))
  }
  const { read } = await clientOf(t, halves, { betweenBytesMs: 50 })
  await t.rejects(read('/short'), { code: 'between-bytes-timeout' })
  t.equal(await read('/long', { betweenBytesMs: 2000 }), 'hello')
})

t.test('connections share the page that they read into, and no body has bytes of another', async (t) => {
  const lengths = [10, 5000, 70_000, 1_000_000]
  const bodyOf = (target: string, length: number) =>
    target.repeat(Math.ceil(length / target.length)).slice(0, length)
  const { read } = await clientOf(t, async (socket, target) => {
    const text = answer(bodyOf(target, lengths[Number(target.at(-1))]!))
    for (let at = 0, size = 7; at < text.length; at += size, size = (size * 5) % 49_999) {
      socket.write(text.slice(at, at + size))
      await turn()
    }
  })
  for (let round = 0; round < 3; round++) {
    const targets = lengths.map((_, i) => `/${round}${i}`)
    const bodies = await Promise.all(targets.map((target) => read(target)))
    for (const [i, target] of targets.entries()) {
      t.ok(bodies[i] === bodyOf(target, lengths[i]!), `${lengths[i]} bytes of ${target}`)
    }
  }
})
