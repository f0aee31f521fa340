// `npm run selftest`: can the harness tell a broken system from a sound one? Specimens broken in one way each must turn
// the right threshold red in the right scenario, sound ones none. Prints a table; the exit code is 1 when a verdict is
// not what it must be.
import { parseArgs } from 'node:util'
import { exitCodes, messageOf } from '../errors.ts'
import { runOnSpecimen, type SpecimenRun } from './specimen.ts'
import { brokenTrials, soundTrials, type Trial } from './trials.ts'

const values = flags()
const healthy = Number(values.healthy)
if (!Number.isInteger(healthy) || healthy < 1) {
  refuse('--healthy: expected how often the sound specimens are to pass, at least 1')
}
const known = new Set(soundTrials.map(({ scenario }) => scenario))
if (values.scenario !== undefined && !known.has(values.scenario)) {
  refuse(`--scenario: expected one of ${[...known].join(', ')}, got "${values.scenario}"`)
}

/** Runs of most trials leave the better part of two cores idle. */
const lanes = 3

const stopping = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stopping.abort())

const started = performance.now()
const all = [...brokenTrials, ...Array.from({ length: healthy }, () => soundTrials).flat()].filter(
  ({ scenario }) => values.scenario === undefined || scenario === values.scenario,
)
let wrong = 0
await Promise.all(Array.from({ length: lanes }, lane(all.filter(({ alone }) => !alone).values())))
await lane(all.filter(({ alone }) => alone).values())()
if (stopping.signal.aborted) process.exit(exitCodes.interrupted)
const seconds = Math.round((performance.now() - started) / 1000)
console.log(`${all.length - wrong} of ${all.length} verdicts are right, after ${seconds} s`)
process.exitCode = wrong === 0 ? exitCodes.pass : exitCodes.fail

function flags() {
  try {
    return parseArgs({
      options: { healthy: { type: 'string', default: '1' }, scenario: { type: 'string' } },
    }).values
  } catch (error) {
    refuse(`${messageOf(error).split('\n')[0]}; the flags are --healthy N and --scenario NAME`)
  }
}

function refuse(mistake: string): never {
  console.error(`selftest: ${mistake}`)
  process.exit(exitCodes.usage)
}

/** One trial after the other, of those that no other lane has taken. */
function lane(queue: Iterable<Trial>): () => Promise<void> {
  return async () => {
    for (const trial of queue) {
      if (stopping.signal.aborted) return
      const run = await runOnSpecimen(trial.scenario, trial.specimen, trial.flags, stopping.signal)
      if (!stopping.signal.aborted) report(trial, run)
    }
  }
}

function report(trial: Trial, run: SpecimenRun): void {
  const isRight = isAsItMust(trial, run)
  if (!isRight) wrong++
  console.log(block(trial, run, isRight))
}

/** A broken one must fail by the threshold that is about its defect; a sound one must pass. */
function isAsItMust({ red }: Trial, run: SpecimenRun): boolean {
  if (red === null) return run.exitCode === exitCodes.pass
  return run.exitCode === exitCodes.fail && run.red.some((name) => red.test(name))
}

/** What was broken, how often, where, and what went red. */
function block({ scenario, specimen, rate, red }: Trial, run: SpecimenRun, isRight: boolean): string {
  const judged = run.results
    ? `${run.results.verdict}: ${run.results.reason}`
    : run.output.trim().split('\n').at(-1)
  const about = red && run.red.find((name) => red.test(name))
  const said = isRight && about ? `red: ${about}` : judged
  return `${isRight ? 'right' : 'WRONG'}  ${specimen.defect.padEnd(18)}  ${scenario.padEnd(16)}  ${rate}\n       ${said}`
}
