// `npm run selftest`: can the harness tell a broken system from a sound one? Specimens broken in one way each must turn
// the right threshold red, sound ones none. Prints a table; the exit code is 1 when a verdict is not what it must be.
import { parseArgs } from 'node:util'
import { exitCodes } from '../errors.ts'
import type { Defect } from './naive-cache.ts'
import { runOnSpecimen, type SpecimenRun } from './specimen.ts'

interface Trial {
  readonly scenario: string
  readonly flags: readonly string[]
  readonly defect: Defect
  /** Defects of single reads strike once in so many. */
  readonly every?: number
  /** A threshold of this name must fail; null: the run must pass. */
  readonly red: RegExp | null
}

/** 2 h 57 min in five seconds. */
const outage = { scenario: 's3-outage', flags: ['--speed', '2000', '--rate', '100'] }
const herd = { scenario: 'thundering-herd', flags: [] }

const everyRead = /^every read of a known object is answered/

const trials: readonly Trial[] = [
  { ...outage, defect: 'forgets', red: everyRead },
  { ...outage, defect: 'loses-reads', red: everyRead },
  { ...outage, defect: 'flips-a-bit', red: everyRead },
  { ...outage, defect: 'truncates', red: everyRead },
  { ...outage, defect: 'slow-tail', every: 50, red: /at most twice as slow/ },
  { ...outage, defect: 'hangs', red: /^never-read requests fail clearly/ },
  { ...herd, defect: 'fills-twice', red: /S3 is asked once/ },
]

const { values } = parseArgs({ options: { healthy: { type: 'string', default: '1' } } })
const healthy = Number(values.healthy)
if (!Number.isInteger(healthy) || healthy < 1) {
  console.error('selftest: --healthy: expected how often the sound specimen is to pass, at least 1')
  process.exit(exitCodes.usage)
}

const sound = [outage, herd].map((run): Trial => ({ ...run, defect: 'none', red: null }))
const all = [...trials, ...Array.from({ length: healthy }, () => sound).flat()]
let wrong = 0
for (const trial of all) {
  const run = await runOnSpecimen(trial.scenario, trial.defect, trial.every ?? 100, trial.flags)
  const isRight = isAsItMust(trial, run)
  if (!isRight) wrong++
  console.log(line(trial, run, isRight))
}
console.log(`${all.length - wrong} of ${all.length} verdicts are right`)
process.exitCode = wrong === 0 ? exitCodes.pass : exitCodes.fail

function isAsItMust({ red }: Trial, run: SpecimenRun): boolean {
  if (red === null) return run.exitCode === exitCodes.pass
  return run.exitCode === exitCodes.fail && run.red.some((name) => red.test(name))
}

function line({ scenario, defect }: Trial, run: SpecimenRun, isRight: boolean): string {
  const said = run.results
    ? `${run.results.verdict}: ${run.results.reason}`
    : run.output.trim().split('\n').at(-1)
  return `${isRight ? 'right' : 'WRONG'}  ${scenario.padEnd(16)} ${defect.padEnd(12)} ${said}`
}
