import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import type { Body } from '../object.ts'
import type { OriginRequest } from '../ports.ts'
import { createHttpOrigin } from './http-origin.ts'
import { nodeClock } from './node-clock.ts'

const get: OriginRequest = { method: 'GET', target: '/', headers: ['Host', 's3.test'], body: null }

async function originOf(t: Test, answer: RequestListener) {
  const server = createServer(answer).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const where = { name: 's3', url: `http://127.0.0.1:${port}`, ca: null, serverName: null }
  const times = { connectMs: 1000, firstByteMs: 150, betweenBytesMs: 150, maxConnections: 4 }
  const origin = createHttpOrigin({ ...where, ...times }, { resolve: async () => ['127.0.0.1'] }, nodeClock)
  t.teardown(async () => {
    await origin.close()
    server.closeAllConnections()
    server.close()
  })
  return origin
}

async function drain(body: Body, pauseMs = 0): Promise<number> {
  let bytes = 0
  for await (const piece of body) {
    bytes += piece.length
    if (pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs))
  }
  return bytes
}

t.test('a silent server is given up after its stage timeout, before a later one would be', async (t) => {
  const origin = await originOf(t, () => {})
  const order: string[] = []
  const later = new Promise<void>((resolve) => setTimeout(resolve, 600)).then(() => order.push('later'))
  const early = origin.fetch(get).catch(({ code, retryable }) => order.push(`${code} ${retryable}`))
  await Promise.all([later, early])
  t.same(order, ['first-byte-timeout true', 'later'])
  await t.rejects(origin.fetch({ ...get, method: 'DELETE' }), {
    code: 'first-byte-timeout',
    retryable: false,
  })
})

t.test('a request may bring its own patience', async (t) => {
  const origin = await originOf(t, (_request, response) => setTimeout(() => response.end('late'), 300))
  await t.rejects(origin.fetch(get), { code: 'first-byte-timeout' })
  t.equal(await drain((await origin.fetch({ ...get, firstByteMs: 2000 })).body), 4)
  const slow = await originOf(t, (_request, response) => {
    response.flushHeaders()
    setTimeout(() => response.end('late'), 300)
  })
  const post = { ...get, method: 'POST' }
  await t.rejects(drain((await slow.fetch(post)).body), { code: 'between-bytes-timeout' })
  t.equal(await drain((await slow.fetch({ ...post, betweenBytesMs: 2000 })).body), 4)
})

t.test('the time runs from the end of an upload', async (t) => {
  const origin = await originOf(t, (request, response) =>
    request.resume().on('end', () => response.end('done')),
  )
  async function* slowly() {
    for (let i = 0; i < 4; i++) {
      await new Promise((resolve) => setTimeout(resolve, 100))
      yield Buffer.from('x')
    }
  }
  const headers = [...get.headers, 'Content-Length', '4']
  const { status } = await origin.fetch({ ...get, method: 'PUT', headers, body: slowly() })
  t.equal(status, 200)
})

t.test('a body that stands still is given up; one that is read slowly is not', async (t) => {
  const stuck = await originOf(
    t,
    (_request, response) => void response.writeHead(200, { 'Content-Length': 10 }).write('half'),
  )
  await t.rejects(drain((await stuck.fetch(get)).body), { code: 'between-bytes-timeout' })
  const whole = await originOf(t, (_request, response) => response.end(Buffer.alloc(300_000)))
  t.equal(await drain((await whole.fetch(get)).body, 60), 300_000)
})

t.test('a caller that leaves ends the request and the body', async (t) => {
  const origin = await originOf(t, (request, response) => {
    if (request.url === '/body') response.writeHead(200, { 'Content-Length': 10 }).write('half')
  })
  const caller = new AbortController()
  const asked = origin.fetch({ ...get, signal: caller.signal })
  caller.abort()
  await t.rejects(asked, { code: 'client-gone' })
  const reader = new AbortController()
  const { body } = await origin.fetch({ ...get, target: '/body', signal: reader.signal })
  const reading = drain(body)
  reader.abort()
  await t.rejects(reading, { code: 'client-gone' })
})
