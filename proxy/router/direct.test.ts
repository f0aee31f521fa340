import t from 'tap'
import { ProxyError } from '../errors.ts'
import { headerValue } from '../object.ts'
import type { OriginRequest, Receiver } from '../ports.ts'
import { patterned, pieces } from '../testing/memory-origin.ts'
import { request } from '../testing/requests.ts'
import { hitHeaders, routerWorld } from '../testing/router-world.ts'
import { Stop } from './stop.ts'

function world(overrides: Parameters<typeof routerWorld>[1] = {}) {
  const made = routerWorld(undefined, overrides)
  made.origin('cache1').put('/b/k', patterned(40_000), hitHeaders)
  made.origin('s3').put('/b/k', patterned(40_000))
  const ask = (signal = new Stop()) => {
    const asked = { ...request('/b/k', { receivedMs: made.clock.monotonicMs() }), signal }
    return Promise.resolve(made.router.handle(asked))
  }
  return { ...made, ask }
}

t.test('all reads that wait for a server are watched by one timer', async (t) => {
  const { ask, clock, origin } = world()
  const receivers: Receiver[] = []
  const send = (_asked: OriginRequest, receiver: Receiver) => void receivers.push(receiver)
  Object.assign(origin('cache1'), { send })
  const before = clock.pendingTimers
  const answers = Array.from({ length: 50 }, () => ask())
  t.equal(clock.pendingTimers - before, 1)
  for (const receiver of receivers) receiver.answered({ status: 404, headers: hitHeaders, body: pieces([]) })
  for (const { status } of await Promise.all(answers)) t.equal(status, 404)
})

t.test('an origin that can tell by a call is not asked for promises, and may answer at once', async (t) => {
  const { ask, origin, backend } = world()
  const send = (_asked: OriginRequest, receiver: Receiver) => {
    const whole = patterned(4)
    receiver.answered({
      status: 200,
      headers: [...hitHeaders, 'Content-Length', '4'],
      body: pieces([whole]),
      whole,
    })
  }
  Object.assign(origin('cache1'), { send })
  const response = await ask()
  t.same(response.body, patterned(4))
  t.same(origin('cache1').seen, [])
  t.equal(backend('cache1').inFlight, 0)
  t.match(backend('cache1').counters, { requests: 1, errors: 0, bytesOut: 4 })
})

t.test('a failure told at once is tried on the next server', async (t) => {
  const { ask, clock, origin, backend } = world()
  const reset = new ProxyError('reset', { code: 'reset', source: 'origin', retryable: true })
  const send = (_asked: OriginRequest, receiver: Receiver) => receiver.failed(reset)
  Object.assign(origin('cache1'), { send })
  t.equal(headerValue((await clock.until(ask())).headers, 'x-backend'), 's3')
  t.equal(backend('cache1').inFlight, 0)
  t.equal(backend('cache1').counters.errors, 1)
})

t.test('a deadline nearer than what a silent server is left still holds', async (t) => {
  const { get, clock, origin } = world({ deadlineMs: 300 })
  for (const name of ['cache1', 's3']) origin(name).mood = 'hang'
  const response = await get('/b/k')
  t.equal(response.status, 503)
  t.equal(clock.monotonicMs(), 300)
})

t.test('who leaves ends what is asked for him, before and after others are asked, too', async (t) => {
  for (const afterMs of [10, 450]) {
    const { ask, clock, origin, backend } = world()
    origin('cache1').latencyMs = 5000
    origin('s3').latencyMs = 5000
    const signal = new Stop()
    const answered = ask(signal)
    await clock.advance(afterMs)
    signal.abort()
    t.equal((await clock.until(answered)).status, 503)
    t.ok(clock.monotonicMs() < afterMs + 10, `at ${afterMs} ms`)
    t.equal(backend('cache1').inFlight + backend('s3').inFlight, 0)
    t.equal(backend('cache1').counters.clientAborts, 1)
  }
})

t.test('a mistake in an origin fails the one request, and holds no connection', async (t) => {
  const { ask, clock, origin, backend } = world()
  origin('cache1').intercept = () => {
    throw new TypeError('a mistake')
  }
  await t.rejects(clock.until(ask()), { message: 'a mistake' })
  t.equal(backend('cache1').inFlight, 0)
})
