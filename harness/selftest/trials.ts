// The trials of the self-test: which defect, how often it strikes, in which scenario, and which threshold must see it.
import type { Defect } from './defects.ts'
import type { Specimen } from './specimen.ts'

export interface Trial {
  readonly scenario: string
  readonly flags: readonly string[]
  readonly specimen: Specimen
  /** How often the defect strikes, in words; with the reason where a run of seconds needs it more often than life does. */
  readonly rate: string
  /** Nothing else runs beside it: its verdict is about milliseconds. */
  readonly alone?: boolean
  /** A threshold of this name must fail; null: the run must pass. */
  readonly red: RegExp | null
}

type Stage = Pick<Trial, 'scenario' | 'flags'> & Pick<Specimen, 'system'>

/** 2 h 57 min in five seconds. */
const outage: Stage = { scenario: 's3-outage', flags: ['--speed', '2000', '--rate', '100'], system: 'naive' }
/** More than 5,000 reads in the outage, so that one in a thousand strikes five times. */
const busyOutage: Stage = { ...outage, flags: ['--speed', '1000', '--rate', '500'] }
/** More than 10,000 reads in the outage. */
const longOutage: Stage = { ...outage, flags: ['--speed', '480', '--rate', '500'] }
const herd: Stage = { scenario: 'thundering-herd', flags: [], system: 'naive' }
/** Slow enough that nothing becomes stale, for the specimen fetches that anew instead of asking whether it has changed. */
const restart: Stage = {
  scenario: 'cold-restart',
  flags: ['--speed', '60', '--duration', '3m'],
  system: 'naive-routed',
}
const rewriting: Stage = { scenario: 'read-after-write', flags: [], system: 'naive' }

const slowTailRate =
  'one read in 50: at one in 100 the p99 lies on the edge between the quick reads and the slow ones'
const everyRead = /^every read of a known object is answered/

/** The longest first. */
export const brokenTrials: readonly Trial[] = [
  broken(longOutage, 'flips-a-bit', 10_000, 'one body in 10,000', everyRead),
  broken(busyOutage, 'loses-reads', 1000, 'one read in 1,000', everyRead),
  broken(outage, 'truncates', 100, 'one body in 100', everyRead),
  broken(outage, 'wrong-range', 5, 'one read of a part in 5, of which there are some 25', everyRead),
  broken(outage, 'leaks-private', 1, 'to everybody', /^no client without credentials gets an object/),
  broken(
    outage,
    'hangs-now-and-then',
    3,
    'for one second every 3 s: an outage of 5 s would see nothing of one a minute',
    /at most twice as slow/,
  ),
  broken(restart, 'forgets-on-restart', 1, 'at every start', /^nothing that was stored is missing/),
  broken(rewriting, 'stale-after-write', 1, 'after every write', /^no read gives an older version/),
  broken(herd, 'fills-twice', 1, 'on every fill', /S3 is asked once/),
  {
    ...broken(outage, 'slow-tail', 50, slowTailRate, /at most twice as slow/),
    alone: true,
  },
]

export const soundTrials: readonly Trial[] = [
  { ...sound(outage), alone: true },
  ...[restart, rewriting, herd].map(sound),
]

function sound({ scenario, flags, system }: Stage): Trial {
  const specimen = { system, defect: 'none', every: 1 } as const
  return { scenario, flags, specimen, rate: 'nothing is wrong', red: null }
}

function broken(stage: Stage, defect: Defect, every: number, rate: string, red: RegExp): Trial {
  const { scenario, flags, system } = stage
  return { scenario, flags, specimen: { system, defect, every }, rate, red }
}
