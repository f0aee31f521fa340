import fc from 'fast-check'
import t from 'tap'
import { confirmed, type Downtime, downtimeMs, missedAt, noDowntime, reachedAt } from './health-downtime.ts'

/** Evidence as [good?, time]; every failure takes the server down. */
function from(...evidence: [boolean, number][]): Downtime {
  return evidence.reduce(
    (d, [good, at]) => (good ? reachedAt(d, at) : confirmed(missedAt(d, at))),
    noDowntime,
  )
}

t.test('what never took the server down is no outage', async (t) => {
  const lost = missedAt(reachedAt(noDowntime, 0), 500)
  t.equal(downtimeMs(lost, 900), 0)
  t.equal(downtimeMs(reachedAt(lost, 1000), 2000), 0)
  const believed = confirmed(missedAt(lost, 700))
  t.equal(downtimeMs(believed, 900), 650, 'once believed it counts from its beginning')
  t.equal(confirmed(noDowntime), noDowntime)
})

t.test('an outage lasts from midpoint to midpoint of the evidence around it', async (t) => {
  const cases: [string, [boolean, number][], number, number][] = [
    ['nothing known', [], 1000, 0],
    [
      'never away',
      [
        [true, 0],
        [true, 500],
      ],
      1000,
      0,
    ],
    [
      'one outage',
      [
        [true, 0],
        [false, 500],
        [false, 1000],
        [true, 1500],
      ],
      9000,
      1000,
    ],
    [
      'still on',
      [
        [true, 0],
        [false, 500],
      ],
      1250,
      1000,
    ],
    [
      'away from the start',
      [
        [false, 100],
        [true, 300],
      ],
      9000,
      100,
    ],
    [
      'two outages',
      [
        [true, 0],
        [false, 100],
        [true, 200],
        [true, 300],
        [false, 400],
        [true, 500],
      ],
      900,
      200,
    ],
    [
      'a timeout that fails after others were answered',
      [
        [true, 100],
        [false, 50],
        [true, 200],
      ],
      900,
      0,
    ],
    [
      'an old failure reported late',
      [
        [true, 0],
        [false, 500],
        [true, 1000],
        [false, 600],
      ],
      900,
      500,
    ],
  ]
  for (const [name, evidence, now, expected] of cases)
    t.equal(downtimeMs(from(...evidence), now), expected, name)
})

t.test('with checks every d ms the estimate is at most d from the truth', async () => {
  const seconds = fc.record({
    startMs: fc.integer({ min: 1000, max: 20_000 }),
    lastsMs: fc.integer({ min: 2000, max: 60_000 }),
    phaseMs: fc.nat(499),
  })
  fc.assert(
    fc.property(seconds, ({ startMs, lastsMs, phaseMs }) => {
      let downtime = noDowntime
      for (let at = phaseMs; at < 100_000; at += 500) {
        const away = at >= startMs && at < startMs + lastsMs
        downtime = away ? confirmed(missedAt(downtime, at)) : reachedAt(downtime, at)
      }
      return Math.abs(downtimeMs(downtime, 100_000) - lastsMs) <= 500
    }),
  )
})

t.test('downtime never shrinks and never exceeds the time that passed', async () => {
  const evidence = fc.array(fc.tuple(fc.boolean(), fc.nat(1000), fc.nat(400)), { maxLength: 100 })
  fc.assert(
    fc.property(evidence, (steps) => {
      let downtime = noDowntime
      let now = 0
      for (const [good, waitMs, tookMs] of steps) {
        now += waitMs
        const before = downtimeMs(downtime, now)
        const wasOpen = downtime.outageSinceMs !== null
        downtime = good ? reachedAt(downtime, now) : confirmed(missedAt(downtime, Math.max(0, now - tookMs)))
        const after = downtimeMs(downtime, now)
        if (after > now || after < 0) return false
        if (!wasOpen && after < before) return false
      }
      return true
    }),
  )
})
