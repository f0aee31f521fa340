// Random schedules of faults as plain data: made from a seed, printed, and shrunk to the least that still goes wrong.
import { randomStream } from '../load/random.ts'
import type { Planned } from './nemesis.ts'

/** A fault by its name in the catalogue; what it acts on and how hard follows from the draw. */
export interface DrawnFault {
  readonly name: string
  /** 0 to 1: how hard, for faults that have degrees. */
  readonly strength: number
}

export type RandomSchedule = readonly Planned<DrawnFault>[]

export interface ScheduleOptions {
  /** Names of the catalogue to draw from. */
  readonly names: readonly string[]
  readonly lengthMs: number
  readonly faults: number
  readonly minFaultMs: number
  readonly maxFaultMs: number
}

/** The same seed and options give the same schedule. No fault overlaps with itself; different ones may overlap. */
export function drawSchedule(seed: number, options: ScheduleOptions): RandomSchedule {
  const draw = randomStream(seed, 'faults')
  const below = (bound: number) => Math.floor(draw() * bound)
  const planned: Planned<DrawnFault>[] = []
  for (let i = 0; i < options.faults; i++) {
    const name = options.names[below(options.names.length)]!
    const strength = below(1000) / 1000
    const durationMs = options.minFaultMs + below(options.maxFaultMs - options.minFaultMs + 1)
    const startMs = below(Math.max(1, options.lengthMs - durationMs))
    const endMs = Math.min(options.lengthMs, startMs + durationMs)
    const overlapsItself = planned.some(
      ({ fault, ...other }) => fault.name === name && startMs <= other.endMs && other.startMs <= endMs,
    )
    if (!overlapsItself) planned.push({ startMs, endMs, fault: { name, strength } })
  }
  return planned.sort((a, b) => a.startMs - b.startMs)
}

/**
 * The smallest schedule found that still goes wrong: whole faults are left out first, then what is left is shortened.
 * Nothing is tried that `mayTry` says no to; a schedule that goes wrong only now and then may end larger.
 */
export async function shrinkSchedule(
  schedule: RandomSchedule,
  goesWrong: (schedule: RandomSchedule) => Promise<boolean>,
  mayTry: (schedule: RandomSchedule) => boolean,
): Promise<RandomSchedule> {
  let smallest = schedule
  const improves = async (candidate: RandomSchedule) => {
    if (!mayTry(candidate) || !(await goesWrong(candidate))) return false
    smallest = candidate
    return true
  }
  for (const size of halves(schedule.length)) {
    for (let at = 0; at < smallest.length; ) {
      const without = startingAtOnce(smallest.toSpliced(at, size))
      if (without.length === 0 || !(await improves(without))) at += size
    }
  }
  for (let at = 0; at < smallest.length; at++) {
    while (await improves(startingAtOnce(smallest.with(at, shortened(smallest[at]!)))))
      if (lengthOf(smallest[at]!) < 200) break
  }
  return smallest
}

/** The first fault comes half a second after the beginning, when reads are under way; what lies before it tells nothing. */
const leadMs = 500

/** The same faults, moved together towards the beginning. */
function startingAtOnce(schedule: RandomSchedule): RandomSchedule {
  const earlierMs = Math.max(0, Math.min(...schedule.map(({ startMs }) => startMs)) - leadMs)
  return schedule.map((planned) => ({
    ...planned,
    startMs: planned.startMs - earlierMs,
    endMs: planned.endMs - earlierMs,
  }))
}

/** n/2, n/4, … 1 */
function halves(n: number): number[] {
  return n <= 1 ? [] : [Math.floor(n / 2), ...halves(Math.floor(n / 2))]
}

function lengthOf({ startMs, endMs }: Planned<DrawnFault>): number {
  return endMs - startMs
}

function shortened(planned: Planned<DrawnFault>): Planned<DrawnFault> {
  return { ...planned, endMs: planned.startMs + Math.max(1, Math.floor(lengthOf(planned) / 2)) }
}

/** One line a fault, for a person. */
export function scheduleText(schedule: RandomSchedule): string {
  const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`
  return schedule
    .map(
      ({ startMs, endMs, fault }) =>
        `${seconds(startMs)} to ${seconds(endMs)}: ${fault.name} (strength ${fault.strength})`,
    )
    .join('\n')
}

/** As `--faults` takes it: NAME:START-END:STRENGTH, in ms since the schedule began, with commas between. */
export function scheduleWords(schedule: RandomSchedule): string {
  return schedule
    .map(({ startMs, endMs, fault }) => `${fault.name}:${startMs}-${endMs}:${fault.strength}`)
    .join(',')
}

/** The schedule of such words. @throws an Error that says in a sentence what is wrong with them. */
export function parseSchedule(text: string, names: readonly string[]): RandomSchedule {
  return text.split(',').map((word) => {
    const [, name, start, end, strength] = /^([a-z0-9-]+):(\d+)-(\d+):([01](?:\.\d+)?)$/.exec(word) ?? []
    const [startMs, endMs] = [Number(start), Number(end)]
    if (name === undefined || endMs <= startMs || Number(strength) > 1) {
      throw new Error(`Expected faults like cache-killed:500-2500:0.43, got "${word}".`)
    }
    if (!names.includes(name)) throw new Error(`There is no fault "${name}"; there are ${names.join(', ')}.`)
    return { startMs, endMs, fault: { name, strength: Number(strength) } }
  })
}
