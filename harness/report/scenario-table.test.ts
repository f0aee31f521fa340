import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { Results, Verdict } from '../history/results-contract.ts'
import { scenarioMarkdown, type TableRun, writeScenarioTable } from './scenario-table.ts'
import { fakeModel } from './testing.ts'

const { results: sample } = await fakeModel({ reads: 5 })

function finished(scenario: string, system: string, verdict: Verdict, over: Partial<Results> = {}): TableRun {
  const results = { ...sample, scenario, system, verdict, thresholds: [], reason: `why ${verdict}`, ...over }
  return { scenario, system, runDir: join('/reports', scenario, system), results, instead: null }
}

const without = (scenario: string, system: string, instead: string): TableRun => ({
  ...finished(scenario, system, 'pass'),
  instead,
})

const failed = (name: string) => ({
  name,
  phase: 'p',
  expression: '',
  measured: 0,
  limit: 1,
  verdict: 'fail' as const,
})

t.test('scenarios go down, systems across; what did not pass says why, in a line', async (t) => {
  const table = scenarioMarkdown([
    finished('s3-outage', 'reference', 'pass'),
    finished('s3-outage', 'direct', 'fail', { thresholds: [failed('every read'), failed('fast')] }),
    finished('brownout', 'reference', 'unknown', { thresholds: [{ ...failed('fast'), verdict: 'unknown' }] }),
    without('cache-node-death', 'direct', 'n/a: no cache'),
    without('cache-node-death', 'reference', 'crashed (exit code 255)'),
  ])
  t.same(table.split('\n'), [
    '| Scenario | reference | direct |',
    '| --- | --- | --- |',
    '| s3-outage | ✅ pass | ❌ fail: every read (and 1 more) |',
    '| brownout | ❔ unknown: why unknown | – |',
    '| cache-node-death | crashed (exit code 255) | n/a: no cache |',
  ])
})

t.test('a reason of many lines or words is cut to what a cell can hold', async (t) => {
  const reason = `part router died unexpectedly; the end of its log:\n${'x'.repeat(500)}`
  t.match(scenarioMarkdown([finished('s', 'x', 'unknown', { reason })]), /its log: \|/)
  const long = scenarioMarkdown([finished('s', 'x', 'unknown', { reason: 'word '.repeat(100) })])
  t.match(long, /word…/)
  t.ok(Math.max(...long.split('\n').map((line) => line.length)) < 130, long)
})

t.test('what does not apply is not counted among the runs that could pass', async (t) => {
  const outDir = t.testdir()
  const runs = [finished('a', 'x', 'pass'), without('b', 'x', 'n/a: no cache'), without('c', 'x', 'crashed')]
  const { htmlPath } = await writeScenarioTable(runs, outDir)
  const page = readFileSync(htmlPath, 'utf8')
  t.match(page, '1 of 2 runs passed')
  t.match(page, 'n/a: no cache')
})

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
