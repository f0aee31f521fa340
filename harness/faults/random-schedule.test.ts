import fc from 'fast-check'
import t from 'tap'
import {
  drawSchedule,
  parseSchedule,
  type RandomSchedule,
  scheduleText,
  scheduleWords,
  shrinkSchedule,
} from './random-schedule.ts'

const options = {
  names: ['kill', 'slow', 'cut', 'dns'],
  lengthMs: 20_000,
  faults: 12,
  minFaultMs: 500,
  maxFaultMs: 4000,
}

const always = () => true

const has = (schedule: RandomSchedule, ...names: string[]) =>
  names.every((name) => schedule.some(({ fault }) => fault.name === name))

t.test('a seed gives one schedule, other seeds give others', async (t) => {
  t.same(drawSchedule(7, options), drawSchedule(7, options))
  const texts = new Set([1, 2, 3, 4, 5].map((seed) => scheduleText(drawSchedule(seed, options))))
  t.equal(texts.size, 5)
})

t.test(
  'neighbouring seeds have nothing in common: each fault is drawn by about as many of them',
  async (t) => {
    const seeds = Array.from({ length: 200 }, (_, seed) => drawSchedule(seed, { ...options, faults: 1 }))
    for (const name of options.names) {
      const count = seeds.filter((schedule) => has(schedule, name)).length
      // 50 expected, standard deviation 6: five of them.
      t.ok(Math.abs(count - 50) < 31, `${name} in ${count} of 200`)
    }
  },
)

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

t.test('shrinking finds the faults that are needed and drops all others', async (t) => {
  for (const seed of [1, 2, 3, 4, 5, 6]) {
    const schedule = drawSchedule(seed, options)
    if (!has(schedule, 'kill', 'dns')) continue
    const smallest = await shrinkSchedule(schedule, async (tried) => has(tried, 'kill', 'dns'), always)
    t.same(smallest.map(({ fault }) => fault.name).toSorted(), ['dns', 'kill'], `seed ${seed}`)
    t.ok(
      smallest.every(({ startMs, endMs }) => endMs - startMs < 200),
      'and short',
    )
    t.ok(smallest[0]!.startMs <= 500, 'and it does not wait for what was left out')
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
    () => tries < 6,
  )
  t.equal(tries, 6)
  t.ok(smallest.length > 5)
  t.same(await shrinkSchedule(schedule, async () => false, always), schedule)
})

t.test('a schedule is the same after it has been a command line', async () => {
  fc.assert(
    fc.property(fc.nat(), (seed) => {
      const schedule = drawSchedule(seed, options)
      const again = parseSchedule(scheduleWords(schedule), options.names)
      return JSON.stringify(again) === JSON.stringify(schedule)
    }),
  )
})

const misspelt: [string, RegExp][] = [
  ['', /Expected faults like .*, got ""/],
  ['kill', /got "kill"/],
  ['kill:0-1:0,', /got ""/],
  ['kill:5-5:0.5', /got "kill:5-5:0.5"/],
  ['kill:0-1:1.5', /got "kill:0-1:1.5"/],
  ['kill:0-1:0,flood:0-1:0', /no fault "flood"; there are kill, slow/],
]
for (const [text, message] of misspelt) {
  t.test(`"${text}" is told to be no schedule`, async (t) => {
    t.throws(() => parseSchedule(text, options.names), { message })
  })
}
