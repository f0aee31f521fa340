import t from 'tap'
import type { Body, Handler, ProxyRequest } from '../object.ts'
import type { OriginRequest } from '../ports.ts'
import { collect, pieces } from '../testing/memory-origin.ts'
import { createHandlerOrigin } from './handler-origin.ts'
import { nodeClock } from './node-clock.ts'

const get: OriginRequest = { method: 'GET', target: '/b/k', headers: ['Host', 's3.test'], body: null }
// In the proxy its sockets keep the process alive; timers don't.
const alive = setInterval(() => {}, 1000)
t.teardown(() => clearInterval(alive))

const originOf = (handler: Handler) => createHandlerOrigin('cache', handler, 100, nodeClock)

t.test('a request and its answer pass as they are, at once or later, whole or in pieces', async (t) => {
  const seen: ProxyRequest[] = []
  const body = Buffer.from('hello')
  const answers: Record<string, Handler> = {
    'at once': () => ({ status: 200, headers: ['A', '1'], body }),
    later: async () => ({ status: 200, headers: ['A', '1'], body }),
    'in pieces': async () => ({ status: 200, headers: ['A', '1'], body: pieces([body]) }),
  }
  for (const [name, handler] of Object.entries(answers)) {
    const origin = originOf((request) => {
      seen.push(request)
      return handler(request)
    })
    const answer = await origin.fetch({ ...get, target: '//b/%2f?x' })
    t.strictSame([answer.status, answer.headers], [200, ['A', '1']], name)
    t.equal(Buffer.from(await collect(answer.body)).toString(), 'hello', name)
    t.match(seen.at(-1), { method: 'GET', target: '//b/%2f?x', headers: get.headers, body: null })
    const head = await origin.fetch({ ...get, method: 'HEAD' })
    t.equal((await collect(head.body)).length, 0, `${name}: no body for HEAD`)
  }
})

t.test('silence is bounded as over a connection, and a late answer is let go', async (t) => {
  let letGo = () => {}
  const gone = new Promise<void>((resolve) => {
    letGo = resolve
  })
  const body: Body = {
    [Symbol.asyncIterator]: () => ({
      next: async () => ({ done: false, value: Buffer.alloc(1) }),
      async return() {
        letGo()
        return { done: true, value: undefined }
      },
    }),
  }
  let wasTold = false
  const origin = originOf(async ({ signal }) => {
    await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
    wasTold = signal.aborted
    return { status: 200, headers: [], body }
  })
  await t.rejects(origin.fetch(get), { code: 'first-byte-timeout', retryable: true })
  await gone
  t.ok(wasTold, 'the handler knows that nobody waits')
  const caller = new AbortController()
  const asked = origin.fetch({ ...get, firstByteMs: Infinity, signal: caller.signal })
  caller.abort()
  await t.rejects(asked, { code: 'client-gone' })
})

t.test('a handler that fails is a server that closed early', async (t) => {
  const broken = originOf(() => {
    throw new Error('no')
  })
  await t.rejects(broken.fetch(get), { code: 'closed-early', retryable: true })
  await t.rejects(originOf(() => Promise.reject(new Error('no'))).fetch(get), { code: 'closed-early' })
})
