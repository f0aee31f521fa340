import t from 'tap'
import { patterned } from '../testing/memory-origin.ts'
import { routerWorld, server } from '../testing/router-world.ts'

function world() {
  const made = routerWorld([
    server('cache1', { check: null }),
    server('s3', { warmConnections: 4, check: null }),
  ])
  made.router.start()
  t.teardown(() => made.router.close())
  return made
}

t.test('connections to a backup are kept open by small requests, all at once', async (t) => {
  const { origin, clock, backend, router } = world()
  t.equal(backend('s3').inFlight, 4)
  await clock.advance(10_100)
  t.same(origin('s3').seen, Array(8).fill('HEAD /'))
  t.equal(backend('s3').inFlight, 0)
  t.same(origin('cache1').seen, [], 'only where it is asked for')
  router.close()
  await clock.advance(60_000)
  t.equal(origin('s3').seen.length, 8)
})

t.test('the reserve grows with the load, a few handshakes at a time, up to its bound', async (t) => {
  const { router, clock, backend, origin, get } = routerWorld([
    server('cache1', { check: null }),
    server('s3', { warmConnections: 40, check: null }),
  ])
  origin('cache1').put('/b/x', 'x')
  router.start()
  t.teardown(() => router.close())
  const atOnce: number[] = []
  const second = async (reads: number) => {
    for (let i = 0; i < reads; i++) void get('/b/x')
    for (let i = 0; i < 100; i++) {
      await clock.advance(10)
      atOnce.push(backend('s3').inFlight)
    }
  }
  await second(0)
  t.equal(Math.max(...atOnce), 8, 'a spare few without any load')
  for (let i = 0; i < 12; i++) await second(200)
  const steps = atOnce.filter((n, i) => n > 0 && n !== atOnce[i - 1])
  t.equal(Math.max(...steps), 8 + Math.ceil((3 * 200 * 32) / 1000), 'rate times latency, three times')
  t.ok(
    steps.every((n, i) => i === 0 || n - steps[i - 1]! <= 8),
    `${steps}`,
  )
  for (let i = 0; i < 12; i++) await second(2000)
  t.equal(Math.max(...atOnce), 40)
  origin('s3').put('/b/x', 'x')
  backend('cache1').setMode('maint')
  await second(20)
  const before = origin('s3').seen.filter((one) => one === 'HEAD /').length
  for (let i = 0; i < 8; i++) await second(20)
  t.equal(origin('s3').seen.filter((one) => one === 'HEAD /').length, before, 'traffic keeps its own open')
})

t.test('what traffic keeps open needs no help, and a server that is out is left alone', async (t) => {
  const { origin, clock, backend, get } = world()
  await clock.advance(1000)
  origin('s3').put('/b/x', patterned(10))
  backend('cache1').setMode('maint')
  for (let i = 0; i < 3; i++) await get('/b/x')
  await clock.advance(9000)
  t.equal(origin('s3').seen.filter((one) => one === 'HEAD /').length, 4 + 1)
  backend('s3').setMode('drain')
  await clock.advance(60_000)
  t.equal(origin('s3').seen.filter((one) => one === 'HEAD /').length, 4 + 1)
})

t.test('a failure while keeping warm says nothing of the server and holds nothing', async (t) => {
  const { origin, clock, backend } = world()
  origin('s3').mood = 'refused'
  await clock.advance(61_000)
  t.match(backend('s3'), { routable: 'up', inFlight: 0, counters: { errors: 0 } })
})
