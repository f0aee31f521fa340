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
