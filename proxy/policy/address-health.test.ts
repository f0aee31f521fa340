import fc from 'fast-check'
import t from 'tap'
import {
  type AddressHealth,
  addressFall,
  afterConnect,
  inOrder,
  probing,
  resolved,
  toProbe,
} from './address-health.ts'

const names = (list: readonly AddressHealth[]) => list.map(({ address }) => address)
const failing = (health: AddressHealth, times: number, nowMs: number) => {
  let seen = health
  for (let i = 0; i < times; i++) seen = afterConnect(seen, 'connect-refused', nowMs)
  return seen
}

t.test('an address goes down after two failures in a row, and up with one success', async (t) => {
  const [one] = resolved([], ['10.0.0.1'], 0)
  const once = afterConnect(one!, 'connect-timeout', 100)
  t.match(once, { state: 'up', sinceMs: 0, failures: 1, lastError: 'connect-timeout' })
  const down = afterConnect(once, 'connect-refused', 200)
  t.match(down, { state: 'down', sinceMs: 200, failures: 2, lastError: 'connect-refused' })
  t.match(afterConnect(down, 'connect-refused', 300), { state: 'down', sinceMs: 200 })
  t.match(afterConnect(down, null, 400), { state: 'up', sinceMs: 400, failures: 0, lastError: null })
  t.match(afterConnect(afterConnect(once, null, 300), 'connect-refused', 400), { state: 'up', failures: 1 })
})

t.test(
  'when a name resolves anew, those that stay keep their state, new ones are up, others are forgotten',
  async (t) => {
    const known = resolved([], ['10.0.0.1', '10.0.0.2'], 0)
    const seen = [failing(known[0]!, 2, 100), known[1]!]
    const anew = resolved(seen, ['10.0.0.3', '10.0.0.1', '10.0.0.3'], 500)
    t.match(anew, [
      { address: '10.0.0.3', state: 'up', sinceMs: 500 },
      { address: '10.0.0.1', state: 'down', sinceMs: 100, lastError: 'connect-refused' },
    ])
    t.equal(anew.length, 2)
  },
)

t.test(
  'connections go to what did not fail, and to what is down only when nothing else is left',
  async (t) => {
    const [a, b, c] = resolved([], ['a', 'b', 'c'], 0)
    t.strictSame(names(inOrder([a!, b!, c!])), ['a', 'b', 'c'])
    t.strictSame(names(inOrder([failing(a!, 3, 0), failing(b!, 1, 0), c!])), ['c', 'b', 'a'])
    t.strictSame(
      names(inOrder([failing(a!, 9, 0), failing(b!, 2, 0)])),
      ['a', 'b'],
      'both down: as DNS gave them',
    )
  },
)

t.test('what is avoided is tried again on the side, once an interval', async (t) => {
  const [a, b] = resolved([], ['a', 'b'], 0)
  const down = failing(a!, 2, 0)
  t.equal(toProbe([down, b!], 999), null)
  t.equal(toProbe([down, b!], 1000)?.address, 'a')
  t.equal(toProbe([probing(down, 1000), b!], 1999), null)
  t.equal(toProbe([down, failing(b!, 1, 0)], 1000), null, 'traffic tries them all itself')
})

t.test(
  'whatever happens: while an address is up that never failed last, it is the first to be tried',
  async () => {
    const event = fc.record({ which: fc.nat(3), fails: fc.boolean(), waitMs: fc.nat(2000) })
    fc.assert(
      fc.property(fc.array(event, { maxLength: 100 }), (events) => {
        let nowMs = 0
        let known = resolved([], ['a', 'b', 'c', 'd'], 0)
        for (const { which, fails, waitMs } of events) {
          nowMs += waitMs
          known = known.map((one, i) =>
            i === which ? afterConnect(one, fails ? 'reset' : null, nowMs) : one,
          )
          const first = inOrder(known)[0]!
          if (known.some(({ failures }) => failures === 0) && first.failures > 0) return false
          if (known.some((one) => (one.state === 'down') !== one.failures >= addressFall)) return false
        }
        return true
      }),
    )
  },
)
