// A run whose faults are only counted: what shrinking says and prints, and that it ends in time.
import t, { type Test } from 'tap'
import type { NemesisPlan, Run } from '../experiment.ts'
import { Tally } from '../run/tally.ts'
import { drawFaults, playFaults, randomPhase, shrinkIfWrong } from './random-run.ts'
import { parseSchedule, type RandomSchedule } from './random-schedule.ts'

const names = ['s3-slow-down', 's3-forbidden', 's3-internal-error', 's3-truncated']
const schedule = parseSchedule(
  's3-slow-down:200-3000:0.5,s3-forbidden:4000-7500:0.2,s3-internal-error:6000-9000:0.9,s3-truncated:9000-12000:1',
  names,
)

interface Played {
  readonly plans: NemesisPlan[]
  readonly said: string
  readonly seconds: number
}

const faultsOf = ({ schedule }: NemesisPlan) => schedule.map(({ fault }) => fault.name)

/** Plays the schedule and shrinks it, where each phase with faults for which `isBroken` says so gives a wrong byte. */
async function play(t: Test, isBroken: (plan: NemesisPlan) => boolean): Promise<Played> {
  let nowMs = 0
  t.intercept(performance, 'now', { value: () => nowMs, configurable: true })
  const said = t.capture(console, 'log')
  const tally = new Tally()
  const plans: NemesisPlan[] = []
  const count = (phase: string, seconds: number, isWrong: boolean) => {
    nowMs += seconds * 1000
    const byOutcome = isWrong ? ({ hit: 9, corrupt: 1 } as const) : ({ hit: 10 } as const)
    const window = { type: 'window', population: 'known', atMs: 0, widthMs: 1000, servedBytes: 0 } as const
    tally.add({ ...window, phase, scheduled: 10, byOutcome })
  }
  const run = {
    tally,
    options: { system: 'reference', seed: 3, ratePerSecond: 100, speed: 240, quiet: true },
    targets: { origin: {} },
    settle: async () => {
      nowMs += 1200
    },
    phase: async ({ name, seconds }: { name: string; seconds: number }) => count(name, seconds, false),
    nemesis: async (plan: NemesisPlan) => {
      plans.push(plan)
      count(plan.name, plan.seconds, isBroken(plan))
    },
  } as unknown as Run
  await playFaults(run, schedule)
  await run.phase({ name: 'recovery', story: '', seconds: 6 })
  await run.phase({ name: 'calm', story: '', seconds: 6 })
  const beganMs = nowMs
  await shrinkIfWrong(run, schedule)
  return {
    plans,
    said: said()
      .map(({ args }) => args.join(' '))
      .join('\n'),
    seconds: (nowMs - beganMs) / 1000,
  }
}

t.test('a schedule that goes well is played once and nothing is said', async (t) => {
  const { plans, said } = await play(t, () => false)
  t.same(
    plans.map(({ name }) => name),
    [randomPhase],
  )
  t.equal(said, '')
})

t.test('the one fault that does it is found and printed as a command that plays it again', async (t) => {
  const { plans, said } = await play(t, (plan) => faultsOf(plan).includes('S3 forbidden'))
  t.match(said, /^wrong bytes; the same again: .*--seed 3 .*--faults s3-slow-down:200-3000:0.5,/)
  t.match(said, /try 1, \d+ s: .* goes (well|wrong too)/)
  const last = said.split('\n').at(-1)!
  t.match(
    last,
    /^npx zx scenarios\/random-faults\.mjs --system reference --seed 3 --rate 100 --speed 240 --faults s3-/,
  )
  const again: RandomSchedule = parseSchedule(last.split(' ').at(-1)!, names)
  t.same(
    again.map(({ fault }) => fault),
    [{ name: 's3-forbidden', strength: 0.2 }],
  )
  t.equal(again[0]!.startMs, 500)
  t.ok(plans.length > 3)
})

t.test('shrinking ends within three minutes, however much is left to try', async (t) => {
  const { seconds, said } = await play(t, (plan) => plan.schedule.length > 1)
  t.ok(seconds <= 183, `${seconds} s`)
  t.match(said, /for 180 s at most/)
  t.match(said, /shrunk from 4 to 2 faults/)
})

t.test('what goes wrong only once is printed whole', async (t) => {
  const { said } = await play(t, ({ name }) => name === randomPhase)
  t.match(said, /shrunk from 4 to 4 faults/)
})

t.test('a fault that the deployment can’t have is refused by name', async (t) => {
  const run = (faults: RandomSchedule) =>
    ({
      options: { seed: 3, quiet: true, faults },
      targets: { caches: [], toxiproxy: { kind: 'embedded' } },
      deployment: { system: { name: 'direct' } },
    }) as unknown as Run
  const size = { seconds: 10, faults: 2 }
  t.equal(drawFaults(run(schedule), size), schedule)
  const killed = parseSchedule('cache-killed:500-2500:0.4', ['cache-killed'])
  const message = /--faults: cache-killed can't befall direct here; these can: .*s3-forbidden/
  t.throws(() => drawFaults(run(killed), size), { name: 'UsageError', message })
})
