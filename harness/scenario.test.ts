import { existsSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { runScenario, type Scenario } from './scenario.ts'

const deadNode: Scenario = {
  name: 'dead-node',
  story: 'a story',
  needs: 'cache',
  speed: 1,
  ratePerSecond: 1,
  durationSeconds: 1,
  thresholds: [],
}

t.test('a system without what the scenario acts on is refused before anything starts', async (t) => {
  const said = t.capture(console, 'error')
  const out = path.join(t.testdir({}), 'run')
  const tell = () => t.fail('the story was told')
  t.equal(await runScenario(deadNode, tell as never, ['--system', 'direct', '--out', out], 'script.mjs'), 254)
  t.match(said(), [
    { args: [/dead-node acts on a cache, and the system direct has no part with `role: cache`/] },
  ])
  t.notOk(existsSync(out), 'no folder is left')
})
