// An S3 that begs off (503, SlowDown) gets fewer requests at once, and everything again when it takes everything.
import t from 'tap'
import { ProxyError } from '../errors.ts'
import { once } from '../testing/bodies.ts'
import { cacheWorld, hourMs, readAnswer } from '../testing/cache-world.ts'
import { patterned } from '../testing/memory-origin.ts'
import { VirtualClock } from '../testing/virtual-clock.ts'
import { Turns } from './turns.ts'

const slowDown = { status: 503, headers: [], body: once('') }
const well = { status: 200, headers: [], body: once('') }

t.test('turns come in the order of asking, and go to the next when their owner has left', async (t) => {
  const clock = new VirtualClock()
  const turns = new Turns({ ceiling: 8, waitMs: 400 }, clock)
  for (let i = 0; i < 2; i++) t.equal(turns.enter(undefined), null)
  turns.heard(slowDown, 0)
  turns.leave()
  const order: string[] = []
  const leaver = new AbortController()
  const left = turns.enter(leaver.signal)!.then(
    () => order.push('left'),
    (error) => error,
  )
  const ends = ['first', 'second'].map((name) => turns.enter(undefined)!.then(() => order.push(name)))
  leaver.abort(new ProxyError('gone', { code: 'client-gone', source: 'client' }))
  t.match(await left, { code: 'client-gone' })
  turns.leave()
  await ends[0]
  t.match(turns.state, { limit: 1, inFlight: 1, waiting: 1 })
  turns.leave()
  await ends[1]
  t.strictSame(order, ['first', 'second'])
  turns.leave()
  t.match(turns.state, { inFlight: 0, waiting: 0 })
  t.equal(clock.pendingTimers, 0)
})

t.test('a turn that does not come in time is refused by its name', async (t) => {
  const clock = new VirtualClock()
  const turns = new Turns({ ceiling: 8, waitMs: 400 }, clock)
  t.equal(turns.enter(undefined), null)
  turns.heard(slowDown, 0)
  await t.rejects(clock.until(turns.enter(undefined)!), { code: 'slow-down' })
  t.equal(clock.monotonicMs(), 400)
  t.match(turns.state, { refused: 1, waiting: 0, slowDowns: 1 })
  await clock.advance(1000)
  for (let i = 0; i < 64; i++) turns.heard(well, clock.monotonicMs())
  t.match(turns.state, { limit: null }, 'and all is as before when it has been well for a while')
})

/** A cache before an S3 that answers 503 to whatever comes while it has `capacity` requests. */
function busyWorld(capacity: number) {
  const world = cacheWorld()
  const load = { capacity, inFlight: 0, refused: 0 }
  world.origin.intercept = async (asked) => {
    if (++load.inFlight > load.capacity) {
      load.inFlight--
      load.refused++
      return { status: 503, headers: ['Content-Length', '0'], body: once('') }
    }
    await world.clock.sleep(30)
    load.inFlight--
    return world.origin.objects.has(asked.target) ? undefined : { status: 404, headers: [], body: once('') }
  }
  return { world, load }
}

t.test('SlowDown: misses are asked for at S3’s pace, nobody starves, and it recovers', async (t) => {
  const { world, load } = busyWorld(4)
  const paths = Array.from({ length: 1200 }, (_, i) => `/maps/${i}`)
  for (const path of paths) world.origin.put(path, patterned(10))
  const burst = async (from: number, count: number) => {
    const reads = paths
      .slice(from, from + count)
      .map((path) => world.send(world.request(path)).then(readAnswer))
    return (await world.clock.until(Promise.all(reads))).map(({ status }) => status)
  }
  await burst(0, 40)
  t.ok(load.refused > 10, 'before S3 has begged off nothing spares it')
  await world.clock.advance(1000)
  load.refused = 0
  let served = 0
  for (let i = 0; i < 100; i++) served += (await burst(40 + 8 * i, 8)).filter((one) => one === 200).length
  t.ok(served >= 0.85 * 800, `${served} of 800 served`)
  t.ok(load.refused <= 0.15 * 800, `${load.refused} begged off`)
  load.capacity = 1000
  await world.clock.advance(1000)
  for (let i = 0; i < 16; i++) t.strictSame(new Set(await burst(840 + 20 * i, 20)), new Set([200]))
})

t.test(
  'a read whose turn never comes is refused by its name, or answered with the stale entry',
  async (t) => {
    const world = cacheWorld()
    world.origin.put('/maps/known', patterned(10))
    await world.read('/maps/known')
    await world.clock.advance(2 * hourMs)
    world.origin.intercept = async () => {
      await world.clock.sleep(100)
      return { status: 503, headers: ['Retry-After', '7'], body: once('') }
    }
    await world.read('/maps/first')
    world.origin.intercept = async () => {
      await world.clock.sleep(700)
      return undefined
    }
    const blocking = world.send(world.request('/maps/blocking')).then(readAnswer)
    const refused = await world.read('/maps/cold')
    t.equal(refused.status, 503)
    t.match(refused.cacheStatus, /detail=slow-down/)
    t.ok(Number(refused.header('retry-after')) >= 6, 'S3’s own word is passed on')
    t.equal((await world.read('/maps/known')).word, 'STALE')
    t.match(world.cache.state().origins[0]!.turns, { limit: 1, slowDowns: 1 })
    await world.clock.until(blocking)
  },
)
