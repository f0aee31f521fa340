// Uploads that break at any point, on two hops as router and cache are, over connections that are used again: what
// reaches S3 are requests as clients made them, never one made of another's bytes. BREAKWATER_SEED repeats a run.
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { uniformInt } from 'pure-rand/distribution/uniformInt'
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus'
import t, { type Test } from 'tap'
import { memoryLog } from '../testing/requests.ts'
import { createHttpOrigin } from './http-origin.ts'
import { startHttpServer } from './http-server.ts'
import { nodeClock } from './node-clock.ts'

t.setTimeout(60_000)

const uploads = 150
const atOnce = 12
const maxBytes = 200_000

type Pick = (below: number) => number

/** An S3 that notes what is wrong with what it gets, and treats uploads badly. `whole`: the uploads that came complete. */
async function upsetS3(t: Test, pick: Pick) {
  const wrong: string[] = []
  const whole = new Set<string>()
  const serve = async (request: IncomingMessage, response: ServerResponse) => {
    const { method, url = '', headers } = request
    const [, number, bytes] = /^\/b\/(\d+)\?bytes=(\d+)$/.exec(url) ?? []
    const isAsSent =
      method === 'PUT' && number === headers['x-amz-meta-number'] && bytes === headers['content-length']
    if (!isAsSent) wrong.push(`${method} ${url} ${JSON.stringify(headers)}`)
    request.on('error', () => {})
    const mood = pick(8)
    if (mood === 0) return void request.socket.destroy()
    if (headers.expect && mood < 6) response.writeContinue()
    // It reads on, as RFC 9112 §9.3 has a server do that refuses early and keeps the connection.
    if (mood === 1) response.writeHead(403, { 'Content-Length': 2 }).end('no')
    if (mood === 2 && headers.expect === undefined) return void response.writeHead(503).end('slow down')
    let received = 0
    for await (const chunk of request) {
      const isOwn = (chunk as Buffer).every((byte) => byte === Number(number) % 251)
      if (!isOwn) wrong.push(`${url}: bytes of another request`)
      received += chunk.length
      if (mood === 3) await sleep(1)
      if (mood === 4 && received > maxBytes / 4) return void request.socket.destroy()
    }
    if (received !== Number(bytes)) wrong.push(`${url}: ${received} bytes taken for the whole`)
    if (mood === 1) return
    if (pick(10) === 0) await sleep(800) // longer than anybody waits
    whole.add(number!)
    response.writeHead(200, { 'Content-Length': 2 }).end('ok')
  }
  const answer = (request: IncomingMessage, response: ServerResponse) =>
    void serve(request, response).catch(() => response.destroy())
  const server = createServer(answer).on('checkContinue', answer)
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    if (error.code?.startsWith('HPE_') && error.code !== 'HPE_INVALID_EOF_STATE') wrong.push(String(error))
    socket.destroy()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return { port: (server.address() as { port: number }).port, wrong, whole }
}

/** Passes everything on to `port`, as both roles do. */
async function hop(t: Test, port: number): Promise<number> {
  const times = { connectMs: 1000, firstByteMs: 500, betweenBytesMs: 500, maxConnections: atOnce }
  const where = { name: 'next', url: `http://127.0.0.1:${port}`, ca: null, serverName: null }
  const origin = createHttpOrigin({ ...where, ...times }, { resolve: async () => ['127.0.0.1'] }, nodeClock)
  const server = await startHttpServer({
    ...{ host: '127.0.0.1', port: 0, clock: nodeClock, log: memoryLog() },
    handler: (request) =>
      origin.fetch(request).catch(() => ({ status: 503, headers: [], body: Buffer.from('unavailable') })),
    limits: { stallTimeoutMs: 2000 },
  })
  t.teardown(async () => {
    await server.close()
    await origin.close()
  })
  return server.port
}

/** One upload; resolves with the last status, 0 when none came. The client may stop anywhere, wait, or leave. */
async function upload(port: number, number: number, pick: Pick): Promise<number> {
  const bytes = 1 + pick(maxBytes)
  const expect = pick(2) === 0 ? 'Expect: 100-Continue\r\n' : ''
  const own = `X-Amz-Meta-Number: ${number}\r\nContent-Length: ${bytes}\r\n`
  const head = `PUT /b/${number}?bytes=${bytes} HTTP/1.1\r\nHost: s3.test\r\n${own}${expect}\r\n`
  const body = Buffer.alloc(bytes, number % 251)
  const leavesAt = pick(3) === 0 ? pick(bytes) : bytes
  const socket = connect({ port, host: '127.0.0.1' })
  let text = ''
  socket.on('error', () => {})
  socket.setEncoding('latin1').on('data', (piece: string) => {
    text += piece
  })
  const over = once(socket, 'close').catch(() => {})
  socket.write(head)
  if (expect && pick(2) === 0) await Promise.race([once(socket, 'data').catch(() => {}), over])
  socket.write(body.subarray(0, Math.floor(leavesAt / 2)))
  if (pick(4) === 0) await sleep(pick(50))
  socket.write(body.subarray(Math.floor(leavesAt / 2), leavesAt))
  if (leavesAt < bytes) {
    await sleep(pick(20))
    socket.destroy()
  } else {
    const answered = async () => {
      while (!socket.destroyed && !/HTTP\/1\.1 [2-5]/.test(text)) await sleep(5)
    }
    await Promise.race([answered(), sleep(5000, null, { ref: false })])
    socket.destroy()
  }
  return Number(/HTTP\/1\.1 ([2-5]\d\d) /.exec(text)?.[1] ?? 0)
}

const seed = Number(process.env.BREAKWATER_SEED ?? Math.floor(Math.random() * 2 ** 31))

t.test(`uploads that break anywhere never reach S3 as anything but themselves (seed ${seed})`, async (t) => {
  const random = xoroshiro128plus(seed)
  const pick: Pick = (below) => uniformInt(random, 0, below - 1)
  const { port, wrong, whole } = await upsetS3(t, pick)
  const entry = await hop(t, await hop(t, port))
  const statuses = new Map<number, number>()
  let next = 0
  const client = async () => {
    while (next < uploads) {
      const number = next++
      const status = await upload(entry, number, pick)
      statuses.set(status, (statuses.get(status) ?? 0) + 1)
      if (status === 200 && !whole.has(String(number)))
        wrong.push(`${number} was acknowledged and never stored`)
    }
  }
  await Promise.all(Array.from({ length: atOnce }, client))
  t.same(wrong, [])
  for (const status of [0, 200, 403, 503]) t.ok(statuses.get(status), `some uploads end with ${status}`)
})
