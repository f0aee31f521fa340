// Runs a schedule of faults on a clock: pure arithmetic says which are wanted when, one loop carries it out, and
// whatever happens the last thing it does is to heal everything.
import type { Fault } from './fault.ts'

/** A stretch of a schedule, in ms since the schedule began. */
export interface Stretch {
  readonly startMs: number
  readonly endMs: number
}

export interface Planned<T> extends Stretch {
  readonly fault: T
}

/** What carries the changes out and records them: a `FaultSet`. */
export interface Faults {
  /** Resolves when exactly `wanted` is in force. */
  change(wanted: readonly Fault[]): Promise<void>
}

export interface NemesisClock {
  nowMs(): number
  /** Rejects when the run is stopped. */
  sleepUntil(atMs: number): Promise<void>
}

/** The faults that are in force at a time; a stretch includes its start and not its end. */
export function wantedAt<T>(schedule: readonly Planned<T>[], atMs: number): T[] {
  return schedule.filter(({ startMs, endMs }) => startMs <= atMs && atMs < endMs).map(({ fault }) => fault)
}

/** The times at which what is wanted changes, in order. */
export function changesOf(schedule: readonly Stretch[]): number[] {
  const times = new Set(schedule.flatMap(({ startMs, endMs }) => [startMs, endMs]))
  return [...times].sort((a, b) => a - b)
}

/**
 * Plays a schedule to its end. Applying a fault may take its time: changes that fall due meanwhile are made at once,
 * those that are over by then are left out. Healing is always last, and its failure is this function's.
 */
export async function playSchedule(
  schedule: readonly Planned<Fault>[],
  faults: Faults,
  clock: NemesisClock,
): Promise<void> {
  const beganMs = clock.nowMs()
  try {
    for (const atMs of changesOf(schedule)) {
      await clock.sleepUntil(beganMs + atMs)
      await faults.change(wantedAt(schedule, Math.max(atMs, clock.nowMs() - beganMs)))
    }
  } finally {
    await faults.change([])
  }
}
