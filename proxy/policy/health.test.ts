import fc from 'fast-check'
import t from 'tap'
import type { ErrorCode } from '../errors.ts'
import {
  afterCheck,
  afterOutlier,
  afterTraffic,
  checkIntervalMs,
  type Health,
  type HealthOptions,
  isFlapping,
  type Suspicion,
  startHealth,
  suspicion,
} from './health.ts'

const options: HealthOptions = {
  interMs: 500,
  fastInterMs: 100,
  downInterMs: 1000,
  rise: 2,
  fall: 3,
  consecutiveErrors: 3,
  errorRatio: 0.5,
  minRequests: 10,
  windowMs: 10_000,
  flapCount: 3,
  flapWindowMs: 60_000,
  holdMs: 5000,
  maxHoldMs: 15_000,
}

type Event = '+' | '-' | 'ok' | Exclude<Suspicion, 'none'>

/** `+` and `-` are checks, the others requests; one event every 10 ms. */
function after(events: readonly Event[], start: Health = settled): Health {
  return events.reduce<Health>((health, event, i) => apply(health, event, 10 * (i + 1)), start)
}

function apply(health: Health, event: Event, nowMs: number, replaceable = true): Health {
  if (event === '+' || event === '-') return afterCheck(health, event === '+', nowMs, options, replaceable)
  return afterTraffic(health, event === 'ok' ? null : event, nowMs, options, replaceable)
}

/** Up, with a first good check behind it. */
const settled = afterCheck(startHealth(0), true, 0, options, true)

t.test('checks and traffic take a server down, checks alone bring it up', async (t) => {
  const cases: [string, Health['state'], Health['because']][] = [
    ['- -', 'up', 'start'],
    ['- - -', 'down', 'checks-failed'],
    ['- - + - -', 'up', 'start'],
    ['- - - +', 'down', 'checks-failed'],
    ['- - - + +', 'up', 'checks-passed'],
    ['- - - + - +', 'down', 'checks-failed'],
    ['- - - ok ok ok', 'down', 'checks-failed'],
    ['hard hard', 'up', 'start'],
    ['hard hard hard', 'down', 'errors-in-a-row'],
    ['hard hard ok hard hard', 'up', 'start'],
    ['hard hard + hard hard', 'up', 'start'],
    ['soft soft soft soft', 'up', 'start'],
    ['soft soft -', 'up', 'start'],
    ['soft soft soft -', 'down', 'silent-to-traffic'],
    ['- soft soft soft', 'down', 'silent-to-traffic'],
    ['mute mute mute', 'down', 'silent-to-traffic'],
    ['mute mute soft', 'up', 'start'],
    ['mute mute ok mute', 'up', 'start'],
    ['mute mute + mute', 'up', 'start'],
    ['soft mute mute -', 'down', 'silent-to-traffic'],
    ['soft soft soft ok -', 'up', 'start'],
    ['soft soft soft + -', 'up', 'start'],
    ['soft ok soft ok soft ok soft ok ok soft', 'down', 'error-ratio'],
    ['ok soft ok ok soft ok ok soft ok ok soft', 'up', 'start'],
  ]
  for (const [events, state, because] of cases) {
    t.match(after(events.split(' ') as Event[]), { state, because }, events)
  }
})

t.test('traffic does not take the last server down, failed checks do', async (t) => {
  const alone = (events: string) =>
    (events.split(' ') as Event[]).reduce((health, event, i) => apply(health, event, 10 * i, false), settled)
  t.equal(alone('hard hard hard hard hard').state, 'up')
  t.equal(alone('mute mute mute').state, 'up')
  t.equal(alone('soft soft soft -').state, 'up')
  t.match(alone('soft soft soft - - -'), { state: 'down', because: 'checks-failed' })
})

t.test('the first check decides alone', async (t) => {
  t.equal(afterCheck(startHealth(0), false, 5, options, true).state, 'down')
  const down = afterCheck(startHealth(0), false, 5, options, true)
  t.equal(afterCheck(down, true, 10, options, true).state, 'down', 'after that, rise and fall hold')
})

t.test('checks come faster while something disagrees, and at their own pace while down', async (t) => {
  t.equal(checkIntervalMs(startHealth(0), options), 100)
  t.equal(checkIntervalMs(settled, options), 500)
  t.equal(checkIntervalMs(after(['-']), options), 100)
  t.equal(checkIntervalMs(after(['soft']), options), 100)
  t.equal(checkIntervalMs(after(['-', '-', '-']), options), 1000)
  t.equal(checkIntervalMs(after(['-', '-', '-', '+']), options), 100)
})

t.test('a server that flaps is held down, longer each time, up to a bound', async (t) => {
  let health = settled
  const holds: number[] = []
  for (let i = 1, now = 0; i <= 6; i++) {
    for (let k = 0; k < 3; k++) health = afterCheck(health, false, ++now, options, true)
    const downMs = now
    while (health.state === 'down') health = afterCheck(health, true, ++now, options, true)
    holds.push(now - downMs)
  }
  t.same(holds, [2, 2, 5000, 10_000, 15_000, 15_000])
  t.equal(isFlapping(health, 60_000, options), true)
  t.equal(isFlapping(health, 200_000, options), false)
})

t.test('an outlier is marked down once, and only while up', async (t) => {
  t.match(afterOutlier(settled, 7, options), { state: 'down', because: 'slow-outlier', sinceMs: 7 })
  const down = after(['-', '-', '-'])
  t.equal(afterOutlier(down, 99, options), down)
})

t.test('an error speaks against the server only when the server is to blame', async (t) => {
  const cases: [ErrorCode, boolean, Suspicion][] = [
    ['connect-refused', false, 'hard'],
    ['reset', false, 'hard'],
    ['reset', true, 'soft'],
    ['connect-timeout', false, 'soft'],
    ['first-byte-timeout', false, 'soft'],
    ['truncated', true, 'soft'],
    ['client-gone', false, 'none'],
    ['superseded', false, 'none'],
    ['deadline', false, 'none'],
    ['queue-full', false, 'none'],
  ]
  for (const [code, afterHead, expected] of cases) t.equal(suspicion(code, afterHead), expected, code)
})

t.test('whatever happens, the state machine keeps its promises', async () => {
  const event = fc.constantFrom<Event>('+', '-', 'ok', 'hard', 'mute', 'soft')
  const step = fc.tuple(event, fc.nat(2000))
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      let health = startHealth(0)
      let now = 0
      for (const [event, waitMs] of steps) {
        now += waitMs
        const before = health
        health = apply(health, event, now)
        if (before.state !== health.state) {
          if (health.sinceMs !== now) throw new Error('a change of state is dated')
          if (health.state === 'up' && event !== '+') throw new Error('only a good check brings it up')
          if (health.state === 'up' && now < before.heldUntilMs) throw new Error('held servers stay down')
          if (health.state === 'down' && (event === '+' || event === 'ok'))
            throw new Error('nothing good takes it down')
        } else if (health.because !== before.because) throw new Error('a reason belongs to a change')
      }
      for (let i = 0; i < options.rise + 1; i++)
        health = afterCheck(health, true, now + 15_000 * (i + 1), options, true)
      if (health.state !== 'up') throw new Error('a healthy server comes back')
      for (let i = 0; i < options.fall; i++) health = afterCheck(health, false, ++now, options, true)
      if (health.state !== 'down') throw new Error('a dead server goes down')
    }),
    { numRuns: 500 },
  )
})
