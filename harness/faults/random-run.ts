// Random faults in a run: draws a schedule from the run's seed, plays it under load, and when a wrong byte reached a
// client says which seed did it and looks for the least of the schedule that does it again.
import { setTimeout as sleep } from 'node:timers/promises'
import type { Run } from '../experiment.ts'
import { faultByName, faultNames } from './catalogue.ts'
import type { Fault } from './fault.ts'
import type { Planned } from './nemesis.ts'
import { drawSchedule, type RandomSchedule, scheduleText, shrinkSchedule } from './random-schedule.ts'

export interface RandomFaults {
  readonly seconds: number
  readonly faults: number
}

const minFaultMs = 500
const maxFaultMs = 4000
const maxShrinkTries = 12
/** Between two tries, so that the system has recovered from the one before. */
const recoverMs = 3000

/**
 * S3 itself hands out wrong bytes as right ones, which nobody can tell who reads past the cache or without a digest:
 * what must hold then is for a scenario of its own to say.
 */
const lies = new Set(['s3-altered', 's3-wrong-etag', 's3-error-with-200'])

/** The phase with faults; its name is what the scenario's thresholds refer to. */
export const randomPhase = 'random-faults'

export async function randomFaults(run: Run, { seconds, faults }: RandomFaults): Promise<void> {
  const { seed, quiet } = run.options
  const say = (text: string) => quiet || console.log(text)
  const names = faultNames(run.targets).filter((name) => !lies.has(name))
  const schedule = drawSchedule(seed, { names, lengthMs: seconds * 1000, faults, minFaultMs, maxFaultMs })
  say(`faults of seed ${seed}:\n${scheduleText(schedule)}`)
  if (!(await goesWrong(run, randomPhase, schedule, seconds))) return

  console.log(`a wrong byte reached a client; --seed ${seed} plays the same again. Shrinking …`)
  let tries = 0
  const smallest = await shrinkSchedule(
    schedule,
    async (tried) => {
      tries += 1
      await sleep(recoverMs)
      return goesWrong(run, `shrink-${tries}`, tried, seconds)
    },
    maxShrinkTries,
  )
  console.log(`the least found that goes wrong, after ${tries} tries:\n${scheduleText(smallest)}`)
}

async function goesWrong(run: Run, name: string, drawn: RandomSchedule, seconds: number): Promise<boolean> {
  const schedule: Planned<Fault>[] = drawn.map((planned) => ({
    ...planned,
    fault: { ...faultByName(planned.fault.name, run.targets, planned.fault.strength), drawn: true },
  }))
  const story = `${schedule.length} faults come and go`
  await run.nemesis({ name, story, seconds, schedule })
  await run.settle()
  return run.tally.wrongBytesIn(name) > 0
}
