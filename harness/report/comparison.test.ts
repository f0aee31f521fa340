import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'
import { writeComparison } from './comparison.ts'
import { type FakeRun, writeFakeRun } from './testing.ts'
import { writeReports } from './write.ts'

/** A run's folder with its history, and a report that stands for the real one: links must find it. */
async function madeRun(folder: string, name: string, run: FakeRun): Promise<string> {
  const runDir = join(folder, name)
  mkdirSync(runDir)
  await writeFakeRun(runDir, { reads: 40, stretch: 0.5, ...run })
  writeFileSync(join(runDir, 'report.html'), '')
  return runDir
}

t.test(
  'systems stand side by side: medians with their range, thresholds by the worst run, links that lead somewhere',
  async (t) => {
    const folder = t.testdir()
    const runDirs = [
      await madeRun(folder, 'r1', { system: 'reference', seed: 1 }),
      await madeRun(folder, 'd1', { system: 'direct', seed: 1, lost: 30 }),
      await madeRun(folder, 'd2', { system: 'direct', seed: 2, lost: 20 }),
      await madeRun(folder, 'd3', { system: 'direct', seed: 3, lost: 10 }),
    ]
    const outDir = join(folder, 'comparison')
    const { htmlPath, markdown } = await writeComparison(runDirs, outDir)

    t.match(markdown, '|  | reference | direct |')
    t.match(markdown, '| Verdict | pass | fail, fail, fail |')
    t.match(markdown, '| Known reads answered while faulty | 100 % | 50.0 % (25.0 % to 75.0 %) |')
    t.match(markdown, /\| Known reads that failed \| 0 \| 600 \(300 to 900\) \|/)
    t.match(markdown, '| every known read is answered in the outage | pass: 100 % | fail: 25.0 % |')

    const page = readFileSync(htmlPath, 'utf8')
    const links = [...page.matchAll(/href="([^"#]+report\.html)"/g)].map((match) => match[1]!)
    t.equal(links.length, 4)
    for (const link of links) t.ok(existsSync(join(dirname(htmlPath), decodeURIComponent(link))), link)
    t.equal(
      page.match(/<figure /g)?.length,
      6,
      'a forest plot, three overlays and the outcomes of each system',
    )
  },
)

t.test(
  'a run is compared with those below its folder, from the histories alone; its verdict stays its own',
  async (t) => {
    const folder = t.testdir()
    const runDir = await madeRun(folder, 'run', { system: 'reference' })
    mkdirSync(join(runDir, 'compared'))
    await madeRun(join(runDir, 'compared'), 'direct', { system: 'direct', seed: 2, lost: 30 })
    mkdirSync(join(runDir, 'compared', 'refused'))

    const { results } = await writeReports(runDir)
    t.equal(results.verdict, 'pass')
    t.equal(results.comparison?.length, 1, 'a folder without a history is no run')
    const [direct] = results.comparison!
    t.match(direct, { system: 'direct', folder: 'compared/direct', verdict: 'fail', knownReadsLost: 900 })
    t.equal(direct!.phases.find(({ name }) => name === 'outage-503')?.knownReadsLost, 300)
    t.equal(direct!.failovers.length, 3)
    const steady = direct!.ratios.find(({ phase, quantile }) => phase === 'steady' && quantile === 0.5)!
    t.ok(steady.low <= 1 && steady.high! >= 1, 'nothing differs in steady state')
    t.equal(steady.conclusion, 'inconclusive')
    t.notOk(
      direct!.ratios.some(({ phase }) => phase === 'cold'),
      'past the system there is nothing to compare',
    )

    const page = readFileSync(join(runDir, 'report.html'), 'utf8')
    t.match(page, '<section id="comparison"><h2>Comparison of systems</h2>')
    t.match(page, 'href="compared/direct/report.html"')
    t.match(page, 'id="chart-forest-0"')
    const markdown = readFileSync(join(runDir, 'report.md'), 'utf8')
    t.match(markdown, '| Known reads that failed | 0 | 900 |')
    t.match(markdown, '![Response time: direct over reference](charts/forest-0.svg)')
    t.ok(existsSync(join(runDir, 'charts/forest-0.svg')))
  },
)

t.test('what is twice as slow is called so, with its interval', async (t) => {
  const folder = t.testdir()
  const runDir = await madeRun(folder, 'run', {})
  mkdirSync(join(runDir, 'compared'))
  await madeRun(join(runDir, 'compared'), 'slow', { system: 'slow', seed: 2, slowness: 2 })
  const { results } = await writeReports(runDir)
  const ratio = results.comparison![0]!.ratios.find(
    ({ phase, quantile }) => phase === 'steady' && quantile === 0.5,
  )!
  t.ok(ratio.low < 2 && ratio.high! > 2, `${ratio.low} to ${ratio.high}`)
  t.equal(ratio.conclusion, 'higher')
})
