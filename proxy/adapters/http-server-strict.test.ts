import { uniformInt } from 'pure-rand/distribution/uniformInt'
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus'
import t, { type Test } from 'tap'
import type { ProxyRequest } from '../object.ts'
import { collect } from '../testing/memory-origin.ts'
import { sendRaw } from '../testing/raw-client.ts'
import { memoryLog } from '../testing/requests.ts'
import { badBodies, badHeads, smuggled, smuggledTarget } from '../testing/strict-cases.ts'
import { startHttpServer } from './http-server.ts'
import { nodeClock } from './node-clock.ts'

interface Seen {
  readonly request: ProxyRequest
  /** The whole body; null when it broke. */
  body: string | null
}

/** A server that answers all it is asked with 200, and what its handler saw. */
async function strictServer(t: Test) {
  const seen: Seen[] = []
  const server = await startHttpServer({
    host: '127.0.0.1',
    port: 0,
    clock: nodeClock,
    log: memoryLog(),
    async handler(request) {
      const one: Seen = { request, body: null }
      seen.push(one)
      one.body = Buffer.from(await collect(request.body)).toString('latin1')
      return { status: 200, headers: ['Content-Length', '2'], body: Buffer.from('ok') }
    },
  })
  t.teardown(() => server.close())
  return { port: server.port, seen }
}

/** A request that makes Node's own parser take over the connection. */
const handOver = 'PUT /b/first HTTP/1.1\r\nHost: s3.test\r\nContent-Length: 0\r\n\r\n'

const paths = [
  { path: 'as the first request', before: '', answersBefore: [] },
  { path: "behind one that Node's parser took", before: handOver, answersBefore: [200] },
] as const

for (const { path, before, answersBefore } of paths) {
  t.test(`refused ${path}, the connection closed, nothing let through`, async (t) => {
    const { port, seen } = await strictServer(t)
    for (const { name, bytes, status } of badHeads) {
      seen.length = 0
      const answer = await sendRaw(port, before + bytes + smuggled)
      t.strictSame(answer.statuses, [...answersBefore, status], `${name}: ${status}`)
      t.ok(answer.closed, `${name}: closed`)
      t.equal(seen.length, answersBefore.length, `${name}: no handler saw it, nor what came behind it`)
    }
  })

  t.test(`a malformed body ${path} never ends, and what is behind it is no request`, async (t) => {
    const { port, seen } = await strictServer(t)
    for (const { name, bytes, status } of badBodies) {
      seen.length = 0
      const answer = await sendRaw(port, before + bytes + smuggled)
      t.strictSame(answer.statuses, [...answersBefore, status], `${name}: ${status}`)
      t.ok(answer.closed, `${name}: closed`)
      t.ok(
        seen.slice(answersBefore.length).every(({ body }) => body === null),
        `${name}: the body broke`,
      )
      t.notOk(
        seen.some(({ request }) => request.target === smuggledTarget),
        name,
      )
    }
  })
}

const host = 'Host: s3.test\r\n'
const end = 'GET /b/end HTTP/1.1\r\nHost: s3.test\r\nConnection: close\r\n\r\n'

/** Unusual, yet a request (RFC 9112): what the handler must be asked, as "METHOD target". */
const unusual = [
  {
    name: 'an empty line before the request',
    bytes: `\r\nGET /b/k HTTP/1.1\r\n${host}\r\n`,
    asked: 'GET /b/k',
  },
  {
    name: 'an absolute target that names its Host',
    bytes: `GET http://s3.test/b/k?x=1 HTTP/1.1\r\n${host}\r\n`,
    asked: 'GET /b/k?x=1',
  },
  {
    name: 'an absolute target without a path',
    bytes: `GET http://S3.test HTTP/1.1\r\n${host}\r\n`,
    asked: 'GET /',
  },
  {
    name: 'a target that looks like another',
    bytes: `GET //b/../k%2f%2F?a=1&&b HTTP/1.1\r\n${host}\r\n`,
    asked: 'GET //b/../k%2f%2F?a=1&&b',
  },
  { name: 'two spaces before the target', bytes: `GET  /b/k HTTP/1.1\r\n${host}\r\n`, asked: 'GET /b/k' },
  { name: 'an asterisk', bytes: `OPTIONS * HTTP/1.1\r\n${host}\r\n`, asked: 'OPTIONS *' },
  {
    name: 'white space around a value',
    bytes: `GET /b/k HTTP/1.1\r\nHost: \t s3.test \t \r\n\r\n`,
    asked: 'GET /b/k',
  },
  { name: 'a Host with a port', bytes: `GET /b/k HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n`, asked: 'GET /b/k' },
  { name: 'an empty value', bytes: `GET /b/k HTTP/1.1\r\n${host}X:\r\n\r\n`, asked: 'GET /b/k' },
  {
    name: 'a byte beyond ASCII in a value',
    bytes: `GET /b/k HTTP/1.1\r\n${host}X: \xe9\r\n\r\n`,
    asked: 'GET /b/k',
  },
  {
    name: 'a length of nothing on a GET',
    bytes: `GET /b/k HTTP/1.1\r\n${host}Content-Length: 0\r\n\r\n`,
    asked: 'GET /b/k',
  },
  {
    name: 'CHUNKED in capitals',
    bytes: `PUT /b/k HTTP/1.1\r\n${host}Transfer-Encoding: CHUNKED\r\n\r\n0\r\n\r\n`,
    asked: 'PUT /b/k',
  },
  {
    name: 'trailers, which change nothing',
    bytes: `PUT /b/k HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nX-Sum: 9\r\n\r\n`,
    asked: 'PUT /b/k',
  },
] as const

t.test('both parsers see the same request in what is unusual, and the next one behind it', async (t) => {
  const { port, seen } = await strictServer(t)
  for (const { name, bytes, asked } of unusual) {
    const views: unknown[] = []
    for (const { before } of paths) {
      seen.length = 0
      const answer = await sendRaw(port, before + bytes + end)
      t.ok(answer.statuses.every((status) => status === 200) && answer.closed, name)
      const requests = seen.filter(({ request }) => request.target !== '/b/first')
      t.strictSame(
        requests.map(({ request }) => `${request.method} ${request.target}`),
        [asked, 'GET /b/end'],
        name,
      )
      views.push(requests.map(({ request: { headers }, body }) => ({ headers, body })))
    }
    t.strictSame(views[0], views[1], `${name}: the same headers and body on both paths`)
  }
})

t.test('random damage to a request: both parsers agree on what was asked', async (t) => {
  const { port, seen } = await strictServer(t)
  const seed = Number(process.env.SEED ?? Date.now() % 100_000)
  t.comment(`SEED=${seed}`)
  const random = xoroshiro128plus(seed)
  const draw = (below: number) => uniformInt(random, 0, below - 1)
  const plain = `GET /b/k?x=1 HTTP/1.1\r\n${host}Accept: */*\r\nX-Amz-Date: 20260101T000000Z\r\nConnection: keep-alive\r\n\r\n`
  const damage = [
    '\r',
    '\n',
    '\r\n',
    ' ',
    '\t',
    ':',
    '\0',
    '\x7f',
    '\xe9',
    '#',
    '%',
    ';',
    ',',
    'Content-Length: 3\r\n',
    'Host: x\r\n',
    'x',
  ]
  let taken = 0
  for (let round = 0; round < 150; round++) {
    let bytes = plain
    for (let i = draw(2); i >= 0; i--) {
      const at = draw(bytes.length)
      bytes = bytes.slice(0, at) + damage[draw(damage.length)]! + bytes.slice(at + draw(3))
    }
    const views: unknown[] = []
    for (const { before } of paths) {
      seen.length = 0
      await sendRaw(port, before + bytes, { halfClose: true })
      const requests = seen.filter(({ request }) => request.target !== '/b/first')
      views.push(requests.map(({ request: { method, target, headers } }) => ({ method, target, headers })))
    }
    taken += seen.length - 1
    t.strictSame(views[0], views[1], JSON.stringify(bytes))
  }
  t.ok(taken > 0 && taken < 150, 'some of them were requests and some were not')
})

t.test('half-closed clients (FIN after the request) are still answered, on both paths', async (t) => {
  const { port, seen } = await strictServer(t)
  const get = `GET /b/k HTTP/1.1\r\n${host}\r\n`
  const put = `PUT /b/k HTTP/1.1\r\n${host}Content-Length: 5\r\n\r\nhello`
  const stories = [
    { name: 'a GET', bytes: get, statuses: [200] },
    { name: 'a PUT', bytes: put, statuses: [200] },
    { name: 'a GET and a PUT behind it', bytes: get + put, statuses: [200, 200] },
    { name: 'a PUT and a GET behind it', bytes: put + get, statuses: [200, 200] },
    { name: 'three GETs', bytes: get + get + get, statuses: [200, 200, 200] },
  ]
  for (const { name, bytes, statuses } of stories) {
    seen.length = 0
    const answer = await sendRaw(port, bytes, { halfClose: true })
    t.strictSame(answer.statuses, statuses, name)
    t.ok(answer.closed, `${name}: closed behind the answers`)
    t.equal(seen.length, statuses.length, name)
  }
  seen.length = 0
  const half = await sendRaw(port, put.slice(0, -2), { halfClose: true })
  t.strictSame([half.closed, seen.map(({ body }) => body)], [true, [null]], 'half a body is not a body')
  const nothing = await sendRaw(port, get.slice(0, -2), { halfClose: true })
  t.strictSame([nothing.closed, nothing.statuses, seen.length], [true, [], 1], 'half a head is not a request')
})
