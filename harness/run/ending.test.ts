// A run that waits for what never comes is ended, and so is one that can't even be undone.
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { createInterface } from 'node:readline'
import t from 'tap'
import { spawnTied } from '../../proxy/testing/tied-process.ts'
import type { Run } from '../experiment.ts'
import type { Fault } from '../faults/fault.ts'
import { runScenario, type Scenario } from '../scenario.ts'

t.setTimeout(90_000)
const dir = t.testdir({ data: {} })
for (let i = 0; i < 5; i++) writeFileSync(path.join(dir, `data/file-${i}`), 'x'.repeat(1000 + i))

const story: Scenario = {
  name: 'hangs',
  story: 'a story that never ends',
  speed: 1,
  ratePerSecond: 10,
  durationSeconds: 1,
  thresholds: [],
}

const flagsFor = (name: string) => [
  ...['--system', 'direct', '--dataset', path.join(dir, 'data'), '--quiet', '--out', path.join(dir, name)],
]

t.test('a phase that hangs is ended: what was waited for is named, the verdict is unknown', async (t) => {
  t.capture(console, 'log')
  const said = t.capture(console, 'error')
  const stuck: Fault = {
    ...{ name: 'stuck', target: 'nothing' },
    apply: () => new Promise(() => {}),
    heal: async () => ({ count: 0, evidence: 'none' }),
  }
  let origin = 0
  const tell = (run: Run) => {
    origin = run.deployment.origin.pid
    return run.phase({ name: 'stuck', story: 'nothing', seconds: 1, faults: [stuck] })
  }
  const patience = { times: 1, plusMs: 2000, tickMs: 100 }
  t.equal(await runScenario(story, tell, flagsFor('hangs'), '', patience), 2)
  const words = /the run was ended: for \d s it waited for the end of the phase stuck, which was to take 1 s/
  t.match(said(), [{ args: [words] }])
  const results = JSON.parse(readFileSync(path.join(dir, 'hangs', 'results.json'), 'utf8'))
  t.match(results, { verdict: 'unknown', reason: words })
  t.notOk(isRunning(origin), 'everything is stopped')
})

/** A run whose story hangs, and whose healing does, in a process of its own; resolves once the story is being told. */
async function hopeless(name: string) {
  const script = `
    import { makeFault } from ${JSON.stringify(new URL('../faults/fault.ts', import.meta.url).href)}
    import { runScenario } from ${JSON.stringify(new URL('../scenario.ts', import.meta.url).href)}
    const never = makeFault({
      name: 'stuck', target: 'nothing', evidence: 'none', apply: async () => {}, undo: () => new Promise(() => {}),
    })
    process.exit(await runScenario(${JSON.stringify(story)}, (run) => {
      console.log(run.deployment.origin.pid)
      return run.phase({ name: 'stuck', story: 'nothing', seconds: 60, faults: [never] })
    }, ${JSON.stringify(flagsFor(name))}, ''))`
  const child = spawnTied(['--input-type=module', '-e', script])
  const errors: string[] = []
  child.stderr.setEncoding('utf8').on('data', (text: string) => errors.push(text))
  const [origin] = (await once(createInterface({ input: child.stdout }), 'line')) as [string]
  return { child, origin: Number(origin), said: () => errors.join('') }
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

t.test('Ctrl-C undoes everything; once more, it ends at once, and says what was not done', async (t) => {
  const { child, origin, said } = await hopeless('twice')
  t.teardown(() => child.kill('SIGKILL'))
  const exited = once(child, 'exit')
  child.kill('SIGINT')
  while (!said().includes('undoing everything')) await sleep(20)
  child.kill('SIGINT')
  await sleep(1200)
  t.equal(child.exitCode, null, 'the same Ctrl-C, passed on by npm, is no second one')
  child.kill('SIGINT')
  t.strictSame(await exited, [130, null])
  t.match(said(), /ended at once by a second Ctrl-C; not done: heal stuck on nothing, .*stop the origin/)
  for (let i = 0; i < 200 && isRunning(origin); i++) await sleep(20)
  t.notOk(isRunning(origin), 'what it had started ends with it')
})
