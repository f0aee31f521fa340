import fc from 'fast-check'
import t from 'tap'
import { VirtualClock } from '../testing/virtual-clock.ts'
import { Gate } from './gate.ts'

const never = new AbortController().signal

function gate(slots: number, overrides = {}) {
  const clock = new VirtualClock()
  const options = { maxQueue: 3, timeoutMs: 400, reservedForHits: 0.25, ...overrides }
  return { clock, gate: new Gate(slots, options, clock) }
}

t.test('misses leave room for hits, and hits go first', async (t) => {
  const { gate: g } = gate(4)
  t.same(
    [1, 2, 3, 4].map(() => g.tryEnter(false)),
    [true, true, true, false],
  )
  t.equal(g.tryEnter(true), true, 'the reserved slot')
  t.equal(g.tryEnter(true), false)
  const order: string[] = []
  const miss = g.enter(false, never).then(() => order.push('miss'))
  const hit = g.enter(true, never).then(() => order.push('hit'))
  g.leave()
  await hit
  g.leave()
  t.equal(g.queued, 1, 'a miss does not take what is reserved')
  g.leave()
  await miss
  t.same(order, ['hit', 'miss'])
})

t.test('who waits does not wait for ever, nor without bound', async (t) => {
  const { clock, gate: g } = gate(1)
  g.tryEnter(true)
  const waiting = [1, 2, 3].map(() => g.enter(true, never).catch(({ code }) => code))
  await t.rejects(g.enter(true, never), { code: 'queue-full' })
  await clock.advance(400)
  t.same(await Promise.all(waiting), ['queue-timeout', 'queue-timeout', 'queue-timeout'])
  t.equal(g.queued, 0)
  t.equal(clock.pendingTimers, 0)
})

t.test('who leaves the queue takes no slot', async (t) => {
  const { gate: g } = gate(1)
  g.tryEnter(true)
  const client = new AbortController()
  const waiting = g.enter(true, client.signal)
  client.abort(new Error('gone'))
  await t.rejects(waiting, { message: 'gone' })
  g.leave()
  t.equal(g.taken, 0)
})

t.test('never more inside than there are slots, nobody is forgotten', async () => {
  const action = fc.oneof(fc.constant('leave' as const), fc.boolean())
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 5 }),
      fc.array(action, { maxLength: 60 }),
      async (slots, actions) => {
        const { gate: g, clock } = gate(slots, { maxQueue: 100 })
        let inside = 0
        let waiting = 0
        const entered = () => {
          inside++
          waiting--
        }
        for (const action of actions) {
          if (action === 'leave') {
            if (inside > 0) {
              inside--
              g.leave()
            }
          } else if (g.tryEnter(action)) inside++
          else {
            waiting++
            void g.enter(action, never).then(entered)
          }
          await clock.advance(0)
          if (inside > slots || inside !== g.taken || waiting !== g.queued) return false
        }
        while (inside > 0) {
          inside--
          g.leave()
          await clock.advance(0)
        }
        return g.queued === 0 && g.taken === 0
      },
    ),
    { numRuns: 60 },
  )
})
