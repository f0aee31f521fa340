import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { Results, Verdict } from '../history/results-contract.ts'
import { type FinishedRun, scenarioMarkdown, writeScenarioTable } from './scenario-table.ts'
import { fakeModel } from './testing.ts'

const { results: sample } = await fakeModel({ reads: 5 })

function finished(
  scenario: string,
  system: string,
  verdict: Verdict,
  over: Partial<Results> = {},
): FinishedRun {
  const results = { ...sample, scenario, system, verdict, thresholds: [], reason: `why ${verdict}`, ...over }
  return { runDir: join('/reports', scenario, system), results }
}

t.test(
  'scenarios go down, systems across; what did not pass says why, what did not run says nothing',
  async (t) => {
    const threshold = {
      name: 'every read',
      phase: 'p',
      expression: '',
      measured: 0,
      verdict: 'fail' as const,
    }
    const table = scenarioMarkdown([
      finished('s3-outage', 'reference', 'pass'),
      finished('s3-outage', 'direct', 'fail', { thresholds: [threshold] }),
      finished('brownout', 'reference', 'unknown'),
    ])
    t.same(table.split('\n'), [
      '| Scenario | reference | direct |',
      '| --- | --- | --- |',
      '| s3-outage | ✅ pass | ❌ fail: every read |',
      '| brownout | ❔ unknown: why unknown | – |',
    ])
  },
)

t.test(
  'of several runs the worst speaks, and the passes are counted: a fail is worse than unknown',
  async (t) => {
    const runs = (['pass', 'fail', 'unknown'] as const).map((verdict) => finished('s', 'x', verdict))
    t.match(scenarioMarkdown(runs), '❌ fail (1 pass of 3): why fail')
  },
)

t.test('names can’t become markup, and the page links each run', async (t) => {
  const outDir = t.testdir()
  const run = finished('<b>x</b>', 'a|b', 'pass')
  const { htmlPath, markdown } = await writeScenarioTable([run], outDir)
  t.match(markdown, '| &lt;b&gt;x&lt;/b&gt; | ✅ pass |')
  t.match(markdown, 'a&#124;b')
  const page = readFileSync(htmlPath, 'utf8')
  t.notOk(page.includes('<b>x</b>'))
  t.ok(page.includes('%3Cb%3Ex'), 'linked')
})
