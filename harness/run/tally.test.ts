import t from 'tap'
import type { FailureLine, WindowLine } from '../history/events.ts'
import { Tally } from './tally.ts'

const window = (fields: Partial<WindowLine>): WindowLine => ({
  type: 'window',
  phase: 'steady',
  population: 'known',
  atMs: 0,
  widthMs: 1000,
  scheduled: 0,
  byOutcome: {},
  servedBytes: 0,
  ...fields,
})

t.test('counts by phase and population', async (t) => {
  const tally = new Tally()
  tally.add(window({ scheduled: 10, byOutcome: { hit: 7, stale: 2, timeout: 1 } }))
  tally.add(window({ atMs: 1000, scheduled: 5, byOutcome: { hit: 5 } }))
  tally.add(window({ population: 'upload', scheduled: 3, byOutcome: { http5xx: 3 } }))
  t.strictSame(tally.of('steady', 'known'), { scheduled: 15, ok: 14 })
  t.strictSame(tally.of('steady', 'never-read'), { scheduled: 0, ok: 0 })
  t.equal(tally.failuresIn('steady'), 4)
  t.equal(tally.failuresIn('another'), 0)
})

t.test('counts failures of every population from a moment on, before their second is over', async (t) => {
  const tally = new Tally()
  const failure = (atMs: number, others: Partial<FailureLine> = {}): FailureLine => ({
    ...{ type: 'failure', phase: 'p', population: 'known', atMs, key: 'k' },
    ...{ outcome: 'reset', responseMs: 1, detail: '', requestId: 'r', ...others },
  })
  tally.add(failure(400))
  tally.add(failure(1700, { population: 'upload' }))
  tally.add(failure(600, { suppressed: 2 }))
  t.equal(tally.failuresSince(500), 4)
  t.equal(tally.failuresSince(1800), 0)
})

t.test('wrong bytes are counted by phase, whoever got them', async (t) => {
  const tally = new Tally()
  const window = { type: 'window', phase: 'p', atMs: 0, widthMs: 1000, scheduled: 3, servedBytes: 0 } as const
  tally.add({ ...window, population: 'known', byOutcome: { hit: 2, corrupt: 1 } })
  tally.add({ ...window, population: 'never-read', byOutcome: { corrupt: 3 } })
  t.equal(tally.wrongBytesIn('p'), 4)
  t.equal(tally.wrongBytesIn('q'), 0)
})

t.test('strangers are counted who were served', async (t) => {
  const tally = new Tally()
  for (const isServed of [false, true, false])
    tally.add({ type: 'stranger', atMs: 1, target: '/b/k', isServed })
  t.equal(tally.strangersServed, 1)
})
