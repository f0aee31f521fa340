import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { planAll, runAll, worstExitCode } from './all.ts'

const path = (name: string) => fileURLToPath(new URL(`../../${name}`, import.meta.url))

/** As users start it: what it starts shares its output, which must not be this test's. */
function start(t: Test, ...flags: string[]) {
  const args = [path('node_modules/zx/build/cli.js'), path('scenarios/all.mjs'), ...flags]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  t.teardown(() => child.kill('SIGKILL'))
  return child
}

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
    t.equal(worstExitCode(codes.map((exitCode) => ({ exitCode, refusal: null }))), worst, why)
  }
})

t.test(
  'where there is nothing to act on nothing was to be proved; a table of such runs alone proves nothing',
  async (t) => {
    const passed = { exitCode: 0, refusal: null }
    const refused = (lacks: string | null) => ({ exitCode: 254, refusal: { reason: 'why', lacks } })
    t.equal(worstExitCode([passed, refused('cache')]), 0)
    t.equal(worstExitCode([passed, refused(null)]), 2)
    t.equal(worstExitCode([refused('cache')]), 2)
  },
)

t.test(
  'the table of a scenario on a system that has no part for it says so, and it counts for nothing',
  async (t) => {
    const out = t.testdir()
    const child = start(
      t,
      '--systems',
      'direct',
      '--scenarios',
      'cache-node-death,router-restart',
      '--out',
      out,
    )
    child.stdout.resume()
    const [said, [code]] = await Promise.all([text(child.stderr), once(child, 'close')])
    t.equal(code, 2, said)
    const table = readFileSync(join(out, 'scenarios.md'), 'utf8')
    t.match(table, '| cache-node-death | n/a: no cache |')
    t.match(table, '| router-restart | n/a: no router |')
  },
)

t.test('bad flags end it before the first run, with 254', async (t) => {
  const said = t.capture(console, 'error')
  for (const flags of [['--systems', 'nobody'], ['--scenarios', 'none'], ['--sped', '3'], ['--systems']]) {
    t.equal(await runAll(flags), 254, flags.join(' '))
  }
  t.equal(said().length, 4, 'one line each')
})

t.test('a run ends with the command that started it, however that ends', async (t) => {
  const flags = ['--systems', 'direct', '--scenarios', 's3-outage', '--out', t.testdir()]
  const child = start(t, ...flags)
  child.stderr.resume()
  for await (const line of createInterface({ input: child.stdout })) {
    if (line === 'starting origin') break
  }
  child.kill('SIGKILL')
  // The run has the other end of these, too.
  await Promise.all([once(child.stdout.resume(), 'close'), once(child.stderr, 'close')])
  t.pass('nobody is left')
})
