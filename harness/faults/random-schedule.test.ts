import fc from 'fast-check'
import t from 'tap'
import { drawSchedule, type RandomSchedule, scheduleText, shrinkSchedule } from './random-schedule.ts'

const options = {
  names: ['kill', 'slow', 'cut', 'dns'],
  lengthMs: 20_000,
  faults: 12,
  minFaultMs: 500,
  maxFaultMs: 4000,
}

t.test('a seed gives one schedule, other seeds give others', async (t) => {
  t.same(drawSchedule(7, options), drawSchedule(7, options))
  const texts = new Set([1, 2, 3, 4, 5].map((seed) => scheduleText(drawSchedule(seed, options))))
  t.equal(texts.size, 5)
})

t.test('every fault lies within the schedule, in order, and never overlaps with itself', async () => {
  fc.assert(
    fc.property(fc.nat(), (seed) => {
      const schedule = drawSchedule(seed, options)
      return schedule.every(({ startMs, endMs, fault }, i) => {
        const later = schedule.slice(i + 1)
        const isInside = startMs >= 0 && endMs <= options.lengthMs && endMs - startMs >= options.minFaultMs
        const alone = later.every((other) => other.fault.name !== fault.name || other.startMs > endMs)
        return isInside && alone && later.every((other) => other.startMs >= startMs)
      })
    }),
  )
})

const has = (schedule: RandomSchedule, ...names: string[]) =>
  names.every((name) => schedule.some(({ fault }) => fault.name === name))

t.test('shrinking finds the faults that are needed and drops all others', async (t) => {
  for (const seed of [1, 2, 3, 4, 5, 6]) {
    const schedule = drawSchedule(seed, options)
    if (!has(schedule, 'kill', 'dns')) continue
    const smallest = await shrinkSchedule(schedule, async (tried) => has(tried, 'kill', 'dns'), 200)
    t.same(smallest.map(({ fault }) => fault.name).toSorted(), ['dns', 'kill'], `seed ${seed}`)
    t.ok(
      smallest.every(({ startMs, endMs }) => endMs - startMs < 200),
      'and short',
    )
  }
})

t.test('shrinking stops at its limit with what it has, and never returns what went well', async (t) => {
  const schedule = drawSchedule(3, options)
  let tries = 0
  const smallest = await shrinkSchedule(
    schedule,
    async (tried) => {
      tries += 1
      return tried.length > 5
    },
    6,
  )
  t.ok(tries <= 6)
  t.ok(smallest.length > 5)
  t.same(await shrinkSchedule(schedule, async () => false, 50), schedule)
})
