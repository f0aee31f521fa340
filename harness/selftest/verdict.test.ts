// Proof that the outage scenario's verdict can fail: each system here is broken in one way, and must not pass.
import { readFileSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import type { Results } from '../history/results-contract.ts'
import { runScenario } from '../scenario.ts'
import { runOnSpecimen } from './specimen.ts'

/** 2 h 57 min in eleven seconds. */
const quick = ['--speed', '1000', '--rate', '100']

/** Thresholds on times depend on what else the machine does; a test holds a run to all the others. */
const isTimed = /quantile|slowest-failure|time-to-recover/

t.test('a sound cache meets every demand', async (t) => {
  const run = await runOnSpecimen('s3-outage', { system: 'naive', defect: 'none', every: 100 }, quick)
  const untimed = run.results?.thresholds.filter(({ expression }) => !isTimed.test(expression)) ?? []
  t.ok(untimed.length > 5, run.output)
  t.strictSame(
    untimed.filter(({ verdict }) => verdict !== 'pass'),
    [],
  )
})

t.test('a cache that forgets everything at the outage fails', async (t) => {
  const run = await runOnSpecimen('s3-outage', { system: 'naive', defect: 'forgets', every: 100 }, quick)
  t.equal(run.exitCode, 1, run.output)
  t.match(run.red.join('\n'), /every read of a known object is answered.*outage-503/)
})

t.test('a cache that flips one bit in a body fails', async (t) => {
  const run = await runOnSpecimen('s3-outage', { system: 'naive', defect: 'flips-a-bit', every: 50 }, quick)
  t.equal(run.exitCode, 1, run.output)
  t.match(run.red.join('\n'), /byte for byte/)
  const corrupt = run.results?.phases.reduce((sum, phase) => sum + (phase.reads.byOutcome.corrupt ?? 0), 0)
  t.ok(corrupt! > 0, 'and the corrupt bodies are counted as such')
})

t.test('a cache that hangs on unknown keys fails', async (t) => {
  const run = await runOnSpecimen(
    's3-outage',
    { system: 'naive', defect: 'hangs-on-misses', every: 100 },
    quick,
  )
  t.equal(run.exitCode, 1, run.output)
  t.ok(run.red.includes('never-read requests fail clearly within 1 s'), run.output)
})

t.test('a fault that touched no traffic makes the verdict unknown', async (t) => {
  const out = path.join(t.testdir({}), 'run')
  const exitCode = await runScenario(
    {
      name: 'idle-fault',
      story: 'a link that nobody uses is closed',
      speed: 1,
      ratePerSecond: 50,
      durationSeconds: 2,
      thresholds: [
        {
          name: 'reads go on',
          phase: 'fault',
          measure: { kind: 'ok-ratio', population: 'known', phases: ['fault'] },
          must: { atLeast: 1 },
        },
      ],
    },
    async (run) => {
      await run.warm()
      const faults = [run.links.refused(['client-s3'])]
      await run.phase({ name: 'fault', story: 'nobody notices', seconds: 2, faults })
    },
    ['--out', out, '--quiet'],
    import.meta.filename,
  )
  t.equal(exitCode, 2)
  const results: Results = JSON.parse(readFileSync(path.join(out, 'results.json'), 'utf8'))
  t.equal(results.verdict, 'unknown')
  t.match(results.reason, /touched no traffic/)
})
