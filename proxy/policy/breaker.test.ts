import fc from 'fast-check'
import t from 'tap'
import {
  admitted,
  answeredIn,
  type Breaker,
  type BreakerOptions,
  type CallOutcome,
  closedBreaker,
  reported,
} from './breaker.ts'

const options: BreakerOptions = { deadCalls: 3, slowCalls: 2, slowMs: 500, openMs: 1000 }

/** Calls that all pass, one a millisecond from 0, with these outcomes. */
function after(...outcomes: CallOutcome[]): Breaker {
  return outcomes.reduce<Breaker>(
    (b, outcome, at) => reported(b, 'pass', outcome, at, options),
    closedBreaker,
  )
}

t.test('it opens on calls in a row, and says whether the origin is dead or slow', async (t) => {
  const cases: [CallOutcome[], string, string | undefined][] = [
    [['dead', 'dead'], 'closed', undefined],
    [['dead', 'dead', 'dead'], 'open', 'dead'],
    [['dead', 'dead', 'ok', 'dead'], 'closed', undefined],
    [['dead', 'dead', 'slow', 'dead'], 'closed', undefined],
    [['slow', 'slow'], 'open', 'slow'],
    [['slow', 'dead', 'slow'], 'open', 'slow'],
    [['slow', 'ok', 'slow'], 'closed', undefined],
  ]
  for (const [outcomes, kind, because] of cases) {
    t.match(after(...outcomes), because ? { kind, because } : { kind }, outcomes.join(' '))
  }
})

t.test('while open it refuses and says how long; then it lets exactly one probe through', async (t) => {
  const open = after('dead', 'dead', 'dead')
  t.match(admitted(open, 502, options), {
    kind: 'refuse',
    because: 'breaker-open',
    origin: 'dead',
    retryAfterMs: 500,
  })
  const first = admitted(open, 1002, options)
  t.equal(first.kind, 'probe')
  t.equal(admitted(first.breaker, 1003, options).kind, 'refuse')
  t.equal(admitted(first.breaker, 2002, options).kind, 'probe', 'a probe that never reported is given up')
})

t.test('the probe decides: an answer closes, a failure opens for another period', async (t) => {
  const { breaker } = admitted(after('dead', 'dead', 'dead'), 1002, options)
  t.same(reported(breaker, 'probe', 'ok', 1010, options), closedBreaker)
  t.same(reported(breaker, 'probe', 'dead', 1010, options), { kind: 'open', because: 'dead', untilMs: 2010 })
  t.same(reported(breaker, 'probe', 'slow', 1010, options), { kind: 'open', because: 'slow', untilMs: 2010 })
})

t.test('a call from before the breaker opened does not move it', async (t) => {
  const open = after('dead', 'dead', 'dead')
  t.same(reported(open, 'pass', 'ok', 500, options), open)
  const { breaker } = admitted(open, 1002, options)
  t.same(reported(breaker, 'pass', 'ok', 1003, options), breaker)
})

t.test('slowness counts only when asked for', async (t) => {
  t.equal(answeredIn(500, options), 'slow')
  t.equal(answeredIn(499, options), 'ok')
  t.equal(answeredIn(9999, { ...options, slowCalls: 0 }), 'ok')
})

t.test('whatever happens: never two probes at once, and a healthy origin is always found again', async () => {
  const step = fc.record({
    waitMs: fc.nat(700),
    outcome: fc.constantFrom<CallOutcome>('ok', 'slow', 'dead'),
    reportsAfterMs: fc.nat(900),
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      let breaker = closedBreaker
      let now = 0
      let probe: { outcome: CallOutcome; dueMs: number } | undefined
      const settle = () => {
        if (probe === undefined || probe.dueMs > now) return
        breaker = reported(breaker, 'probe', probe.outcome, now, options)
        probe = undefined
      }
      for (const { waitMs, outcome, reportsAfterMs } of steps) {
        now += waitMs
        settle()
        const admission = admitted(breaker, now, options)
        breaker = admission.breaker
        if (admission.kind === 'pass') breaker = reported(breaker, 'pass', outcome, now, options)
        if (admission.kind === 'probe') {
          if (probe !== undefined) return false
          probe = { outcome, dueMs: now + reportsAfterMs }
        }
      }
      now += 2 * options.openMs
      settle()
      const last = admitted(breaker, now + options.openMs, options)
      if (last.kind === 'refuse') return false
      return reported(last.breaker, last.kind, 'ok', now + options.openMs, options).kind === 'closed'
    }),
    { numRuns: 300 },
  )
})
