// Both roles as they are started, before an S3 that notes all it is asked: no malformed request reaches it, neither as
// itself nor as another one.
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { headerValue, withoutHeaders } from '../object.ts'
import { sendRaw } from '../testing/raw-client.ts'
import { badBodies, badHeads, smuggled } from '../testing/strict-cases.ts'
import { startCache } from './cache.ts'
import { startRouter } from './router.ts'

interface Asked {
  readonly line: string
  readonly headers: readonly string[]
  /** null while it isn't whole. */
  body: string | null
}

/** An S3 that answers everything with 200, or refuses every upload by its head. */
async function upstream(t: Test) {
  const asked: Asked[] = []
  let refuses = false
  const serve = async (request: IncomingMessage, response: ServerResponse) => {
    const one: Asked = { line: `${request.method} ${request.url}`, headers: request.rawHeaders, body: null }
    asked.push(one)
    const chunks: Buffer[] = []
    try {
      for await (const chunk of request) chunks.push(chunk)
    } catch {
      return // the proxy gave up its upload, as it should
    }
    one.body = Buffer.concat(chunks).toString('latin1')
    response.writeHead(200, { 'Content-Length': 2, ETag: '"e"' }).end(request.method === 'HEAD' ? '' : 'ok')
  }
  const server = createServer(serve)
  server.on('checkContinue', (request, response) => {
    if (!refuses) {
      response.writeContinue()
      return void serve(request, response)
    }
    asked.push({ line: '', headers: request.rawHeaders, body: null })
    response.writeHead(403, { 'Content-Length': 2, Connection: 'close' }).end('no')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const refuse = (on: boolean) => {
    refuses = on
  }
  return { asked, refuse, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
}

const roles = {
  cache: {
    start: startCache,
    file: (url: string, dir: string) => `
listen: 127.0.0.1:0
origin: { url: '${url}' }
hosts: [s3.test]
store: { path: '${dir}/store', max_size: 10m }
authorisation: { mode: network }
`,
  },
  router: {
    start: startRouter,
    file: (url: string) => `
listen: 127.0.0.1:0
servers:
  - { name: cache, url: '${url}', check: false }
  - { name: s3, url: '${url}', check: false, backup: true }
`,
  },
} as const

for (const [name, { start, file }] of Object.entries(roles)) {
  t.test(`smuggling: the ${name} rejects what could be read in two ways, and asks nobody`, async (t) => {
    const { asked, url } = await upstream(t)
    const dir = t.testdir({ 'role.yaml': '' })
    const config = t.testdir({ 'role.yaml': file(url, dir) })
    const role = await start(`${config}/role.yaml`)
    t.teardown(() => role.drain())
    const port = Number(/:(\d+)$/.exec(role.readyLine)![1])
    for (const { name, bytes, status } of badHeads) {
      const answer = await sendRaw(port, bytes + smuggled)
      t.strictSame([answer.statuses, answer.closed], [[status], true], name)
    }
    t.strictSame(asked, [], 'nobody was asked anything')
    for (const { name, bytes, status } of badBodies) {
      const answer = await sendRaw(port, bytes + smuggled)
      t.strictSame([answer.statuses, answer.closed], [[status], true], name)
    }
    t.ok(
      asked.every(({ line, body }) => line === 'PUT /b/k' && body === null),
      'no upload became whole, and nothing behind it became a request',
    )
  })

  t.test(`the ${name} passes on what is well-formed as it is, also of a half-closed client`, async (t) => {
    const { asked, url } = await upstream(t)
    const dir = t.testdir({ 'role.yaml': '' })
    const config = t.testdir({ 'role.yaml': file(url, dir) })
    const role = await start(`${config}/role.yaml`)
    t.teardown(() => role.drain())
    const port = Number(/:(\d+)$/.exec(role.readyLine)![1])
    const target = '/b//..//k%2f%2F%41?y=+&x=%7E&x&=&acl'
    const fields = [
      'Host',
      's3.test',
      'x-AMZ-meta-B',
      '2',
      'X-Amz-Meta-A',
      '1',
      'x-amz-meta-b',
      '3',
      'Content-Length',
      '5',
    ]
    const lines = fields.map((text, i) => (i % 2 === 0 ? `${text}: ` : `${text}\r\n`)).join('')
    const answer = await sendRaw(port, `PUT ${target} HTTP/1.1\r\n${lines}\r\nhello`, { halfClose: true })
    t.strictSame([answer.statuses, answer.closed], [[200], true])
    t.strictSame(
      asked.map(({ line, body }) => [line, body]),
      [[`PUT ${target}`, 'hello']],
    )
    const { headers } = asked[0]!
    t.strictSame([headerValue(headers, 'host'), headerValue(headers, 'content-length')], ['s3.test', '5'])
    const ownOfHop = new Set(['host', 'content-length', 'connection', 'via'])
    t.strictSame(withoutHeaders(headers, ownOfHop), fields.slice(2, -2), 'the others in their order and case')
  })

  t.test(`the ${name} lets S3 refuse an upload before its body is sent (Expect: 100-continue)`, async (t) => {
    const { asked, url, refuse } = await upstream(t)
    const dir = t.testdir({ 'role.yaml': '' })
    const config = t.testdir({ 'role.yaml': file(url, dir) })
    const role = await start(`${config}/role.yaml`)
    t.teardown(() => role.drain())
    const port = Number(/:(\d+)$/.exec(role.readyLine)![1])
    const framings = [
      ['Content-Length: 5\r\n', 'hello'],
      ['Content-Encoding: aws-chunked\r\nContent-Length: 18\r\n', '5\r\nhello\r\n0\r\na:b\r\n'],
    ]
    for (const [length, body] of framings) {
      const head = `PUT /b/k HTTP/1.1\r\nHost: s3.test\r\n${length}Expect: 100-continue\r\n\r\n`
      refuse(true)
      const refused = await sendRaw(port, head)
      t.strictSame([refused.statuses, refused.closed], [[403], true], 'it never sends its body')
      t.equal(asked.pop()?.body, null)
      refuse(false)
      const taken = await sendRaw(port, head + body, { halfClose: true })
      t.equal(taken.statuses.at(-1), 200)
      t.equal(asked.pop()?.body, body, 'byte for byte')
    }
  })
}
