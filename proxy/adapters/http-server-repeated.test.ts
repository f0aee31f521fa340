import t, { type Test } from 'tap'
import type { ProxyResponse } from '../object.ts'
import { sendRaw } from '../testing/raw-client.ts'
import { memoryLog } from '../testing/requests.ts'
import { startHttpServer } from './http-server.ts'
import { nodeClock } from './node-clock.ts'

const head = (method: string, more = '') => `${method} /b/k HTTP/1.1\r\nHost: s3.test\r\n${more}\r\n`
const close = 'Connection: close\r\n'

/** What a server that has these answers, one a request, says to `requests`. */
async function said(t: Test, answers: readonly ProxyResponse[], requests: string): Promise<string> {
  let at = 0
  const where = { host: '127.0.0.1', port: 0, clock: nodeClock, log: memoryLog() }
  const server = await startHttpServer({ ...where, handler: () => answers[at++]! })
  t.teardown(() => server.close())
  const { text } = await sendRaw(server.port, requests)
  return text.replaceAll(/^Date: .*\r\n/gm, '')
}

const answer = (body: string): ProxyResponse => ({
  status: 200,
  headers: ['ETag', '"é"'],
  body: Buffer.from(body),
})
const plainText = (body: string) =>
  `HTTP/1.1 200 OK\r\nETag: "é"\r\nContent-Length: ${body.length}\r\n\r\n${body}`

t.test('a repeated answer is the same bytes each time', async (t) => {
  const repeated: ProxyResponse = { ...answer('body'), repeated: true }
  const text = await said(
    t,
    [repeated, repeated, repeated, answer('end')],
    head('GET').repeat(3) + head('GET', close),
  )
  t.equal(text, plainText('body').repeat(3) + plainText('end').replace('\r\n\r\n', `\r\n${close}\r\n`))
})

t.test('HEAD and the last answer of a connection are put together for themselves', async (t) => {
  const repeated: ProxyResponse = { ...answer('body'), repeated: true }
  const text = await said(t, [repeated, repeated, repeated], head('GET') + head('HEAD') + head('GET', close))
  const [first, ofHead, last] = text.split('HTTP/1.1 ').slice(1)
  t.match(first, /body$/)
  t.match(ofHead, /\r\n\r\n$/)
  t.match(last, /Connection: close\r\n\r\nbody$/)
})

t.test('a changed copy of a repeated answer is another answer', async (t) => {
  const repeated: ProxyResponse = { ...answer('old'), repeated: true }
  const changed: ProxyResponse = { ...repeated, body: Buffer.from('new') }
  const text = await said(
    t,
    [repeated, repeated, changed, answer('end')],
    head('GET').repeat(3) + head('GET', close),
  )
  t.match(text, /old[\s\S]*old[\s\S]*new/)
})
