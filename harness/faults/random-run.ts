// Random faults in a run: a schedule drawn from the run's seed is played under load; when something went wrong, it says
// how to see it again and looks, for a bounded time, for the least of the schedule that does it again.
import { UsageError } from '../errors.ts'
import type { Run } from '../experiment.ts'
import { faultByName, faultNames } from './catalogue.ts'
import type { Fault } from './fault.ts'
import type { Planned } from './nemesis.ts'
import {
  drawSchedule,
  type RandomSchedule,
  scheduleText,
  scheduleWords,
  shrinkSchedule,
} from './random-schedule.ts'

const minFaultMs = 500
const maxFaultMs = 4000
const longestShrinkingMs = 180_000
/** How long a system has to recover before all must be well, and how long that is looked at, s. */
const recoverySeconds = 5
const calmSeconds = 3

/**
 * S3 itself hands out wrong bytes as right ones: nobody can tell who reads past the cache or without a digest, and what
 * must hold then is for a scenario of its own to say.
 */
const lies = new Set(['s3-altered'])

/** The phase with faults, and the ones after it; the scenario's thresholds refer to them. */
export const randomPhase = 'random-faults'
export const calmPhase = 'calm'

/**
 * The schedule that the run's flags ask for, or the one of its seed.
 * @throws UsageError when the flags ask for a fault that this deployment can't have.
 */
export function drawFaults(
  run: Run,
  { seconds, faults }: { seconds: number; faults: number },
): RandomSchedule {
  const { seed, quiet, faults: given } = run.options
  const possible = faultNames(run.targets)
  requirePossible(given ?? [], possible, run.deployment.system.name)
  const names = possible.filter((name) => !lies.has(name))
  const drawn = () => drawSchedule(seed, { names, lengthMs: seconds * 1000, faults, minFaultMs, maxFaultMs })
  const schedule = given ?? drawn()
  if (!quiet) console.log(`faults${given ? '' : ` of seed ${seed}`}:\n${scheduleText(schedule)}`)
  return schedule
}

function requirePossible(schedule: RandomSchedule, possible: readonly string[], system: string): void {
  const stranger = schedule.find(({ fault }) => !possible.includes(fault.name))
  if (stranger === undefined) return
  throw new UsageError(
    `--faults: ${stranger.fault.name} can't befall ${system} here; these can: ${possible.join(', ')}`,
  )
}

/** Plays it under load in a phase of that name; everything is healed when this resolves. */
export async function playFaults(run: Run, drawn: RandomSchedule, name: string = randomPhase): Promise<void> {
  const schedule: Planned<Fault>[] = drawn.map((planned) => ({
    ...planned,
    fault: { ...faultByName(planned.fault.name, run.targets, planned.fault.strength), drawn: true },
  }))
  const story = `${schedule.length} faults come and go`
  await run.nemesis({ name, story, seconds: secondsOf(drawn), schedule })
  await run.settle()
}

/** Half a second longer than the last fault. */
function secondsOf(schedule: RandomSchedule): number {
  return Math.max(...schedule.map(({ endMs }) => endMs)) / 1000 + 0.5
}

/** What is looked for when a schedule is played again. */
type Wrong = 'wrong bytes' | 'a stranger was served' | 'failures after everything was healed'

/** Once the calm phase is over: when anything went wrong, says how to see it again, and of how little of the schedule. */
export async function shrinkIfWrong(run: Run, schedule: RandomSchedule): Promise<void> {
  await run.settle()
  const wrong = wrongIn(run, [randomPhase, 'recovery', calmPhase], calmPhase, 0)
  if (wrong === null) return
  console.log(`${wrong}; the same again: ${command(run, schedule)}`)
  const smallest = await shrink(run, schedule, wrong)
  console.log(`the least found that gives ${wrong}:\n${scheduleText(smallest)}\n${command(run, smallest)}`)
}

async function shrink(run: Run, schedule: RandomSchedule, wrong: Wrong): Promise<RandomSchedule> {
  const beganMs = performance.now()
  const spentMs = () => performance.now() - beganMs
  console.log(`shrinking the schedule, for ${longestShrinkingMs / 1000} s at most`)
  let tries = 0
  const goesWrongAgain = async (tried: RandomSchedule) => {
    tries += 1
    const found = await tryOut(run, tried, `shrink-${tries}`)
    const said = found === wrong ? 'goes wrong too' : 'goes well'
    console.log(
      `try ${tries}, ${Math.round(spentMs() / 1000)} s: ${tried.map(({ fault }) => fault.name).join(', ')} ${said}`,
    )
    return found === wrong
  }
  const settlesSeconds = 2 * 1.2
  const mayTry = (tried: RandomSchedule) =>
    spentMs() + 1000 * (secondsOf(tried) + recoverySeconds + calmSeconds + settlesSeconds) <
    longestShrinkingMs
  const smallest = await shrinkSchedule(schedule, goesWrongAgain, mayTry)
  console.log(`shrunk from ${schedule.length} to ${smallest.length} faults in ${tries} tries`)
  return smallest
}

async function tryOut(run: Run, schedule: RandomSchedule, name: string): Promise<Wrong | null> {
  const { strangersServed } = run.tally
  const [recovery, calm] = [`${name}-recovery`, `${name}-calm`]
  await playFaults(run, schedule, name)
  await run.phase({ name: recovery, story: 'every fault is healed', seconds: recoverySeconds })
  await run.phase({ name: calm, story: 'nothing is wrong', seconds: calmSeconds })
  await run.settle()
  return wrongIn(run, [name, recovery, calm], calm, strangersServed)
}

/** The worst that happened in these phases. */
function wrongIn(
  { tally }: Run,
  phases: readonly string[],
  calm: string,
  strangersServedBefore: number,
): Wrong | null {
  if (phases.some((phase) => tally.wrongBytesIn(phase) > 0)) return 'wrong bytes'
  if (tally.strangersServed > strangersServedBefore) return 'a stranger was served'
  return tally.failuresIn(calm) > 0 ? 'failures after everything was healed' : null
}

function command({ options }: Run, schedule: RandomSchedule): string {
  const { system, seed, ratePerSecond, speed } = options
  const flags = `--system ${system} --seed ${seed} --rate ${ratePerSecond} --speed ${speed}`
  return `npx zx scenarios/random-faults.mjs ${flags} --faults ${scheduleWords(schedule)}`
}
