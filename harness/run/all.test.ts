import t from 'tap'
import { planAll, runAll, worstExitCode } from './all.ts'

t.test('every scenario runs on every system, row by row', async (t) => {
  const plans = planAll(['a', 'b'], ['reference', 'x/mine.yaml'], ['--quiet'], '/out')
  t.strictSame(
    plans.map(({ scenario, system, runDir }) => [scenario, system, runDir]),
    [
      ['a', 'reference', '/out/a-reference'],
      ['a', 'x/mine.yaml', '/out/a-mine'],
      ['b', 'reference', '/out/b-reference'],
      ['b', 'x/mine.yaml', '/out/b-mine'],
    ],
  )
})

t.test('the worst exit code wins', async (t) => {
  const cases: [number[], number, string][] = [
    [[0, 0], 0, 'all passed'],
    [[0, 2, 0], 2, 'unknown is worse than pass'],
    [[2, 1, 0], 1, 'fail is worse than unknown'],
    [[0, 254], 2, 'a run that was refused proved nothing'],
    [[254, 1], 1, 'fail is worse than a run that was refused'],
    [[1, 255], 255, 'a crash is worse than a fail'],
    [[255, 130], 130, 'Ctrl-C is what the caller must see'],
    [[0, 137], 137, 'a run that was killed is never a pass'],
  ]
  for (const [codes, worst, why] of cases) {
    t.equal(worstExitCode(codes.map((exitCode) => ({ exitCode }))), worst, why)
  }
})

t.test('bad flags end it before the first run, with 254', async (t) => {
  const said = t.capture(console, 'error')
  for (const flags of [['--systems', 'nobody'], ['--scenarios', 'none'], ['--sped', '3'], ['--systems']]) {
    t.equal(await runAll(flags), 254, flags.join(' '))
  }
  t.equal(said().length, 4, 'one line each')
})
