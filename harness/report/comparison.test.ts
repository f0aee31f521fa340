import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'
import { writeComparison } from './comparison.ts'
import { type FakeRun, writeFakeRun } from './testing.ts'
import { writeReports } from './write.ts'

async function madeRun(folder: string, name: string, run: FakeRun): Promise<string> {
  const runDir = join(folder, name)
  mkdirSync(runDir)
  await writeFakeRun(runDir, run)
  await writeReports(runDir)
  return runDir
}

t.test(
  'systems stand side by side: medians with their range, thresholds by the worst run, links that lead somewhere',
  async (t) => {
    const folder = t.testdir()
    const runDirs = [
      await madeRun(folder, 'r1', { system: 'reference', seed: 1, reads: 40 }),
      await madeRun(folder, 'd1', { system: 'direct', seed: 1, reads: 40, lost: 30 }),
      await madeRun(folder, 'd2', { system: 'direct', seed: 2, reads: 40, lost: 20 }),
      await madeRun(folder, 'd3', { system: 'direct', seed: 3, reads: 40, lost: 10 }),
    ]
    const outDir = join(folder, 'comparison')
    const { htmlPath, markdown } = await writeComparison(runDirs, outDir)

    t.match(markdown, '|  | reference | direct |')
    t.match(markdown, '| Verdict | pass | fail, fail, fail |')
    t.match(markdown, '| Known reads answered while faulty | 100 % | 50.0 % (25.0 % to 75.0 %) |')
    t.match(markdown, /\| Known reads that failed \| 0 \| 1\u202f200 \(600 to 1\u202f800\) \|/)
    t.match(markdown, '| every known read is answered in the outage | pass: 100 % | fail: 25.0 % |')

    const page = readFileSync(htmlPath, 'utf8')
    const links = [...page.matchAll(/href="([^"#]+report\.html)"/g)].map((match) => match[1]!)
    t.equal(links.length, 4)
    for (const link of links) t.ok(existsSync(join(dirname(htmlPath), decodeURIComponent(link))), link)
    t.equal(page.match(/<figure /g)?.length, 5, 'three overlays and the outcomes of each system')
  },
)
