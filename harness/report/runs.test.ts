import { chmodSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { findRun, listRuns, openInBrowser, runsText } from './runs.ts'

const results = (startedAt: string, verdict: string) =>
  JSON.stringify({ startedAt, verdict, system: 'reference', wallSeconds: 90, reason: `because\n${verdict}` })

const folders = {
  's3-outage': {
    latest: t.fixture('symlink', 'time-2'),
    'time-1': { 'history.ndjson.gz': '', 'results.json': results('2026-01-01', 'pass') },
    'time-2': { 'history.ndjson.gz': '', 'results.json': results('2026-01-03', 'fail') },
  },
  brownout: { 'time-9': { 'history.ndjson.gz': '', 'results.json': '{ cut off' } },
  notes: { 'not-a-run': { 'readme.txt': '' } },
}

t.test(
  'the runs of compare and all are listed too, those that a run was compared with are not',
  async (t) => {
    const made = () => ({ 'history.ndjson.gz': '', 'results.json': results('2026-01-05', 'pass') })
    const dir = t.testdir({
      'compare-s3-outage': { 'time-5': { 'direct-1': made(), 'comparison.html': '' } },
      's3-outage': { 'time-1': { ...made(), compared: { direct: made() } } },
    })
    const ids = (await listRuns(dir)).map((run) => run.id)
    t.same(ids.sort(), ['compare-s3-outage/time-5/direct-1', 's3-outage/time-1'])
    t.equal(
      await findRun(dir, 'compare-s3-outage/time-5/direct-1'),
      join(dir, 'compare-s3-outage', 'time-5', 'direct-1'),
    )
  },
)

t.test('runs are listed newest first, once each, with those that left no results', async (t) => {
  const dir = t.testdir(folders)
  const runs = await listRuns(dir)
  t.same(
    runs.map((run) => run.id),
    ['brownout/time-9', 's3-outage/time-2', 's3-outage/time-1'],
  )
  const lines = runsText(runs, dir).split('\n')
  t.equal(lines.length, 3)
  t.match(lines[0], /no results.*npx breakwater report brownout\/time-9/)
  t.match(lines[1], /^fail +s3-outage\/time-2 +reference, 1 min 30 s: because fail/)
})

t.test('no folder, no runs: says how to start one', async (t) => {
  const dir = join(t.testdir(), 'missing')
  t.match(runsText(await listRuns(dir), dir), /No runs.*npx zx scenarios/)
})

t.test(
  'a run is found by path, by name and time, by name for its latest, and by nothing for the newest',
  async (t) => {
    const dir = t.testdir(folders)
    const second = join(dir, 's3-outage', 'time-2')
    t.equal(await findRun(dir, second), second)
    t.equal(await findRun(dir, 's3-outage/time-2'), second)
    t.equal(await findRun(dir, 's3-outage'), second, 'through the link')
    t.equal(await findRun(dir, 'brownout'), join(dir, 'brownout', 'time-9'), 'without a link')
    t.equal(await findRun(dir), join(dir, 'brownout', 'time-9'))
    await t.rejects(findRun(dir, 'nothing'), {
      name: 'UsageError',
      message: /no run "nothing" in .*npx breakwater runs/,
    })
  },
)

t.test('a report is opened with what the machine has for that, and its lack is told', async (t) => {
  const dir = t.testdir({ opener: '#!/bin/sh\nprintf %s "$1" > "$0.opened"\n' })
  const opener = join(dir, 'opener')
  chmodSync(opener, 0o755)
  t.equal(await openInBrowser('/r/report.html', opener), true)
  t.equal(readFileSync(`${opener}.opened`, 'utf8'), '/r/report.html')
  t.equal(await openInBrowser('/r/report.html', join(dir, 'missing')), false)
  writeFileSync(opener, '#!/bin/sh\nexit 3\n')
  t.equal(await openInBrowser('/r/report.html', opener), false, 'an opener that finds no browser')
})
