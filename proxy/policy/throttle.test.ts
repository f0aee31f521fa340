import fc from 'fast-check'
import t from 'tap'
import { hasRoom, retryAfterMs, slowed, type Throttle, unthrottled, wentWell } from './throttle.ts'

const ceiling = 64
const tooMany = (sentMs: number, inFlight: number) => ({ sentMs, inFlight, retryAfterMs: null })

t.test('a 503 halves what was under way, and only once for what was sent before the cut', async (t) => {
  const cut = slowed(unthrottled, tooMany(0, 40), 100)
  t.equal(cut.limit, 20)
  t.equal(slowed(cut, tooMany(50, 39), 110).limit, 20, 'sent before the cut')
  t.equal(slowed(cut, tooMany(105, 20), 150).limit, 10, 'sent after it')
  t.equal(slowed(cut, tooMany(105, 1), 150).limit, 1, 'one may always go')
})

t.test('a Retry-After holds the limit where it is, but not for ever', async (t) => {
  const told = (seconds: string) => ({ ...tooMany(0, 8), retryAfterMs: retryAfterMs(seconds) })
  const cut = slowed(unthrottled, told('5'), 0)
  t.equal(cut.heldUntilMs, 5000)
  t.equal(wentWell(cut, 4999, ceiling).limit, 4)
  t.equal(wentWell(cut, 5000, ceiling).limit, 4.25)
  t.equal(slowed(unthrottled, told('9000'), 0).heldUntilMs, 30_000)
  t.equal(slowed(cut, told('1'), 100).heldUntilMs, 5000, 'a shorter one does not end it')
  t.equal(slowed(unthrottled, told('Tue, 24 Nov 2026 12:00:00 GMT'), 0).heldUntilMs, 1000)
})

const event = fc.record({
  waitMs: fc.nat(300),
  sentAgoMs: fc.nat(500),
  inFlight: fc.integer({ min: 1, max: 200 }),
  retryAfterMs: fc.option(fc.nat(3000), { nil: null }),
  isSlowDown: fc.boolean(),
})

t.test(
  'whatever comes: one request always may go, a hold stops growth, and the end of it all is no limit',
  async () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 200 }), (events) => {
        let throttle: Throttle = unthrottled
        let nowMs = 0
        for (const { waitMs, sentAgoMs, isSlowDown, ...seen } of events) {
          nowMs += waitMs
          const before = throttle
          throttle = isSlowDown
            ? slowed(throttle, { ...seen, sentMs: nowMs - sentAgoMs }, nowMs)
            : wentWell(throttle, nowMs, ceiling)
          if (!hasRoom(throttle, 0)) return false
          if (isSlowDown && throttle.limit > before.limit) return false
          if (!isSlowDown && nowMs < before.heldUntilMs && throttle.limit !== before.limit) return false
        }
        nowMs = Math.max(nowMs, throttle.heldUntilMs)
        for (let i = 0; i < ceiling ** 2; i++) throttle = wentWell(throttle, nowMs, ceiling)
        return throttle.limit === Number.POSITIVE_INFINITY
      }),
    )
  },
)

t.test('an S3 that takes so many at once gets about so many, and refuses few', async () => {
  fc.assert(
    fc.property(fc.integer({ min: 2, max: 40 }), (capacity) => {
      const { served, refused } = rounds(capacity, 400)
      return served >= 0.6 * capacity * 400 && refused <= 0.2 * served
    }),
  )
})

/** Rounds of 100 ms in which clients want more than S3 takes; sums over the rounds after it has settled. */
function rounds(capacity: number, count: number): { served: number; refused: number } {
  const settlingRounds = 200
  let throttle: Throttle = slowed(unthrottled, { ...tooMany(0, 2 * capacity), retryAfterMs: 0 }, 0)
  const sum = { served: 0, refused: 0 }
  for (let i = 1; i <= count + settlingRounds; i++) {
    const sentMs = i * 100
    const sent = Math.min(Math.floor(throttle.limit), 50)
    for (let n = 0; n < sent; n++) {
      const isServed = n < capacity
      if (i > settlingRounds) sum[isServed ? 'served' : 'refused']++
      throttle = isServed
        ? wentWell(throttle, sentMs + 50, ceiling)
        : slowed(throttle, { sentMs, inFlight: sent, retryAfterMs: 0 }, sentMs + 50)
    }
  }
  return sum
}
