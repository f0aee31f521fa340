// The router straight to an S3 that begs off (503, SlowDown).
import t from 'tap'
import { headerValue } from '../object.ts'
import { collect, patterned, pieces } from '../testing/memory-origin.ts'
import { request } from '../testing/requests.ts'
import { routerWorld, server } from '../testing/router-world.ts'

t.test(
  'S3 that begs off, with no cache node up, is asked for less until it takes everything again',
  async (t) => {
    const { router, origin, clock, backend } = routerWorld([server('s3', { maxConnections: 64 })])
    const s3 = origin('s3')
    const load = { capacity: 4, inFlight: 0, refused: 0 }
    s3.intercept = async () => {
      if (++load.inFlight > load.capacity) {
        load.inFlight--
        load.refused++
        return { status: 503, headers: ['Content-Length', '0'], body: pieces([]) }
      }
      await clock.sleep(30)
      load.inFlight--
      return undefined
    }
    s3.put('/b/k', patterned(10))
    const burst = async (count: number) => {
      const asked = () => request('/b/k', { receivedMs: clock.monotonicMs() })
      const reads = Array.from({ length: count }, async () => {
        const { status, headers, body } = await router.handle(asked())
        await collect(body)
        return [status, headerValue(headers, 'cache-status')] as const
      })
      return clock.until(Promise.all(reads))
    }
    await burst(40)
    t.ok(load.refused > 10)
    t.match(backend('s3').turns?.state, { slowDowns: load.refused })
    load.refused = 0
    let served = 0
    for (let i = 0; i < 30; i++) served += (await burst(8)).filter(([status]) => status === 200).length
    t.ok(served >= 0.85 * 240, `${served} of 240 served`)
    t.ok(load.refused <= 0.15 * 240, `${load.refused} begged off`)
    const late = (await burst(100)).find(([, reason]) => reason?.includes('slow-down'))
    t.match(late, [503, /detail=slow-down/])
    load.capacity = 1000
    await clock.advance(1000)
    for (let i = 0; i < 150; i++) await burst(20)
    t.match(backend('s3').turns?.state, { limit: null, waiting: 0, inFlight: 0 })
    t.equal(backend('s3').inFlight, 0)
  },
)
