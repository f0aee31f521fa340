import fc from 'fast-check'
import t from 'tap'
import { headerValue } from '../object.ts'
import { collect, type OriginMood, patterned } from '../testing/memory-origin.ts'
import { hitHeaders, type RouterWorld, routerWorld, server } from '../testing/router-world.ts'
import { routerDefaults } from './options.ts'

const bytes = patterned(60_000)
const names = ['cache1', 'cache2', 's3'] as const
type Name = (typeof names)[number]

/** What can happen: a server changes its mood or breaks its bodies, an operator acts, time passes, somebody reads. */
type Step =
  | { readonly kind: 'mood'; readonly name: Name; readonly mood: OriginMood }
  | { readonly kind: 'cut'; readonly name: Name; readonly bytes: number | null }
  | { readonly kind: 'mode'; readonly name: Name; readonly mode: 'ready' | 'drain' | 'maint' }
  | { readonly kind: 'wait'; readonly ms: number }
  | { readonly kind: 'read'; readonly object: number }

const name = fc.constantFrom(...names)
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('mood'),
      name,
      mood: fc.constantFrom<OriginMood>('ok', 'ok', 'refused', 'hang', 503, 500),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('cut'), name, bytes: fc.constantFrom(null, null, 0, 20_000) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('mode'),
      name,
      mode: fc.constantFrom('ready', 'ready', 'drain', 'maint'),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('wait'), ms: fc.nat(2000) }) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('read'), object: fc.nat(3) }) },
) as fc.Arbitrary<Step>

function world(hedging: boolean): RouterWorld {
  const hedge = { enabled: hedging, afterMs: 50, budgetRatio: 0.2 }
  const made = routerWorld(
    names.map((one) => server(one)),
    { hedge },
  )
  for (const one of names) {
    for (let i = 0; i < 4; i++) made.origin(one).put(`/b/${i}`, bytes, one === 's3' ? [] : hitHeaders)
    guard(made, one)
  }
  made.router.start()
  return made
}

/** Fails when anything but a check is sent to a server that is not up. */
function guard(made: RouterWorld, one: Name): void {
  const { origin } = made.backend(one)
  const send = origin.fetch.bind(origin)
  origin.fetch = (request) => {
    const isCheck = headerValue(request.headers, 'user-agent') === 'breakwater-check'
    const { routable } = made.backend(one)
    if (!isCheck && routable !== 'up') throw new Error(`traffic to ${one}, which is ${routable}`)
    return send(request)
  }
}

async function take(made: RouterWorld, step: Step): Promise<void> {
  switch (step.kind) {
    case 'mood':
      made.origin(step.name).mood = step.mood
      return
    case 'cut':
      made.origin(step.name).cutAfterBytes = step.bytes
      return
    case 'mode':
      return made.backend(step.name).setMode(step.mode)
    case 'wait':
      return made.clock.advance(step.ms)
    case 'read':
      return read(made, step.object)
  }
}

async function read(made: RouterWorld, object: number): Promise<void> {
  const startMs = made.clock.monotonicMs()
  const anyUp = names.some((one) => made.backend(one).routable === 'up')
  const before = made.router.fleet.totals.requests
  const response = await made.get(`/b/${object}`)
  const tookMs = made.clock.monotonicMs() - startMs
  if (tookMs > routerDefaults.deadlineMs) throw new Error(`the head took ${tookMs} ms`)
  if (response.status === 200) await readBody(made, response.body)
  else await made.clock.until(collect(response.body))
  const because = headerValue(response.headers, 'cache-status') ?? ''
  if (anyUp && because.includes('all-servers-down')) throw new Error('a server was up and nobody was asked')
  if (made.router.fleet.totals.requests !== before + 1) throw new Error('counted once')
}

/** A body comes whole and right, or breaks; it never ends short or wrong. */
async function readBody(made: RouterWorld, body: Parameters<typeof collect>[0]): Promise<void> {
  const got = await made.clock.until(collect(body).catch(() => null))
  if (got !== null && !Buffer.from(got).equals(bytes)) throw new Error(`a wrong body of ${got.length} bytes`)
}

t.test('whatever happens, in any order, the router keeps its promises', async () => {
  await fc.assert(
    fc.asyncProperty(fc.boolean(), fc.array(step, { maxLength: 40 }), async (hedging, steps) => {
      const made = world(hedging)
      for (const step of steps) await take(made, step)
      await heal(made)
      made.router.close()
      await made.clock.advance(5000)
      for (const one of names) {
        if (made.backend(one).inFlight !== 0)
          throw new Error(`${one} still holds ${made.backend(one).inFlight}`)
      }
      if (made.router.fleet.totals.inFlight !== 0) throw new Error('a request never ended')
    }),
    { numRuns: 120 },
  )
})

/** Once all is well again every server comes back and every object is read. */
async function heal(made: RouterWorld): Promise<void> {
  for (const one of names) {
    made.origin(one).mood = 'ok'
    made.origin(one).cutAfterBytes = null
    made.backend(one).setMode('ready')
  }
  await made.clock.advance(130_000)
  for (let i = 0; i < 4; i++) {
    const response = await made.get(`/b/${i}`)
    if (response.status !== 200) throw new Error(`after healing: ${response.status}`)
    await readBody(made, response.body)
  }
  for (const one of names) {
    if (made.backend(one).routable !== 'up') throw new Error(`${one} did not come back`)
  }
}

t.test('retries and hedges stay within their budgets while everything is silent', async (t) => {
  const retry = { attempts: 3, budgetRatio: 0.2, budgetPerSecond: 1, resumes: 3 }
  const made = routerWorld(
    names.map((one) => server(one, { check: null })),
    { retry },
  )
  for (const one of names) made.origin(one).mood = 'hang'
  for (let i = 0; i < 200; i++) await made.get(`/b/${i % 4}`)
  const sent = names.reduce((sum, one) => sum + made.origin(one).requests.length, 0)
  const seconds = made.clock.monotonicMs() / 1000
  t.ok(sent - 200 <= 0.2 * 200 + 10 + seconds, `${sent - 200} retries of 200 requests in ${seconds} s`)
  t.ok(sent > 200)
})
