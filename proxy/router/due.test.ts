import t from 'tap'
import { VirtualClock } from '../testing/virtual-clock.ts'
import { DueQueue } from './due.ts'

const outside = { dueMs: 0, earlier: null, later: null }

/** One that waits and notes when its time was over. */
function waiting(clock: VirtualClock) {
  const dueAtMs: number[] = []
  return { ...outside, dueAtMs, due: () => void dueAtMs.push(clock.monotonicMs()) }
}

t.test(
  'each is due after its time to the millisecond, by one timer for all; who has left is not',
  async (t) => {
    const clock = new VirtualClock()
    const queue = new DueQueue(100, clock)
    const [first, leaver, second] = [waiting(clock), waiting(clock), waiting(clock)]
    queue.add(first, clock.monotonicMs())
    await clock.advance(30)
    queue.add(leaver, clock.monotonicMs())
    queue.add(second, clock.monotonicMs())
    t.equal(clock.pendingTimers, 1)
    queue.remove(leaver)
    queue.remove(leaver)
    await clock.advance(1000)
    t.strictSame([first.dueAtMs, leaver.dueAtMs, second.dueAtMs], [[100], [], [130]])
    t.equal(clock.pendingTimers, 0, 'nobody waits: no timer runs')
  },
)

t.test('the timer of those who left serves who came after them', async (t) => {
  const clock = new VirtualClock()
  const queue = new DueQueue(100, clock)
  const gone = waiting(clock)
  queue.add(gone, clock.monotonicMs())
  queue.remove(gone)
  await clock.advance(60)
  const late = waiting(clock)
  queue.add(late, clock.monotonicMs())
  t.equal(clock.pendingTimers, 1)
  await clock.advance(99)
  t.same(late.dueAtMs, [])
  await clock.advance(1)
  t.same(late.dueAtMs, [160])
})

t.test('who comes while others are told waits its own time', async (t) => {
  const clock = new VirtualClock()
  const queue = new DueQueue(100, clock)
  const next = waiting(clock)
  queue.add({ ...outside, due: () => queue.add(next, clock.monotonicMs()) }, clock.monotonicMs())
  await clock.advance(300)
  t.same(next.dueAtMs, [200])
})
