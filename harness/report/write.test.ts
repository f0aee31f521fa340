import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import t from 'tap'
import { writeFakeRun } from './testing.ts'
import { writeReports } from './write.ts'

t.test('everything is rebuilt from the history alone, the same each time', async (t) => {
  const runDir = t.testdir()
  await writeFakeRun(runDir)
  const first = await writeReports(runDir)
  const names = ['results.json', 'report.html', 'report.md', 'junit.xml', 'charts/availability.svg']
  const before = names.map((name) => readFileSync(join(runDir, name), 'utf8'))
  await writeReports(runDir)
  names.forEach((name, i) => {
    t.equal(readFileSync(join(runDir, name), 'utf8') === before[i], true, name)
  })
  t.equal(first.results.verdict, 'pass')
  const written = JSON.parse(before[0]!)
  t.equal(written.schema, 1)
  for (const phase of written.phases) {
    const { scheduled, byOutcome } = phase.reads
    const total = (Object.values(byOutcome) as number[]).reduce((a, b) => a + b, 0)
    t.equal(total, scheduled, `every read of ${phase.name} ended in one outcome`)
  }
})

t.test('every picture the Markdown shows is there, and is an SVG that stands alone', async (t) => {
  const runDir = t.testdir()
  await writeFakeRun(runDir)
  await writeReports(runDir)
  const markdown = readFileSync(join(runDir, 'report.md'), 'utf8')
  const pictures = [...markdown.matchAll(/!\[[^\]]*\]\(([^)]+)\)/g)].map((match) => match[1]!)
  t.ok(pictures.length >= 6, `${pictures.length} pictures`)
  for (const picture of pictures) {
    const svg = readFileSync(join(runDir, picture), 'utf8')
    t.match(svg, /^<svg [^>]*xmlns="http:\/\/www\.w3\.org\/2000\/svg"/)
    const used = new Set([...svg.matchAll(/var\((--[\w-]+)\)/g)].map((match) => match[1]!))
    for (const name of used) t.ok(svg.includes(`${name}:`), `${picture} defines ${name}`)
  }
})

t.test('a history that breaks off still gives a report, and its verdict is unknown', async (t) => {
  const runDir = t.testdir()
  await writeFakeRun(runDir)
  const path = join(runDir, 'history.ndjson.gz')
  const whole = readFileSync(path)
  writeFileSync(path, whole.subarray(0, Math.floor(whole.length / 2)))
  const { results, htmlPath } = await writeReports(runDir)
  t.equal(results.verdict, 'unknown')
  t.match(readFileSync(htmlPath, 'utf8'), 'UNKNOWN')
})

t.test('a history of nothing is unknown too: no chart, and no number that nobody measured', async (t) => {
  const runDir = t.testdir()
  writeFileSync(join(runDir, 'history.ndjson.gz'), Buffer.from('H4sIAAAAAAAAAwMAAAAAAAAAAAA=', 'base64'))
  const { results, htmlPath } = await writeReports(runDir)
  t.equal(results.verdict, 'unknown')
  const page = readFileSync(htmlPath, 'utf8')
  t.notMatch(page, '<figure')
  t.match(page, 'No known read was sent.')
  const tiles = [...page.matchAll(/<div class="number">([^<]*)</g)].map(([, number]) => number)
  t.same(tiles, ['–', '–', '0 ms', '–', '–'], 'no fault was in force; the rest was not measured')
})

t.test('the end of a log stands below the verdict, line by line, not in it', async (t) => {
  const runDir = t.testdir()
  const reason = 'part cache died (exit code 255); the end of its log:\nError: x\n  at y'
  const line = JSON.stringify({ type: 'doubt', atMs: 1, reason })
  writeFileSync(join(runDir, 'history.ndjson.gz'), gzipSync(`${line}\n`))
  const { htmlPath } = await writeReports(runDir)
  const page = readFileSync(htmlPath, 'utf8')
  t.match(page, '</span>part cache died (exit code 255); the end of its log (below)</h1>')
  t.match(page, '<pre tabindex="0">Error: x\n  at y</pre>')
})

t.test('a folder without a history is refused', async (t) => {
  await t.rejects(writeReports(t.testdir()), { code: 'ENOENT' })
})

t.test('three hours fit in 5 MB', async (t) => {
  const runDir = t.testdir()
  await writeFakeRun(runDir, { stretch: 108, speed: 1, windowMs: 15_000, lost: 1 })
  const { model, htmlPath } = await writeReports(runDir)
  t.ok(model.endMs >= 3 * 3_600_000, `${model.endMs} ms`)
  t.ok(statSync(htmlPath).size < 5e6, `${statSync(htmlPath).size} bytes`)
  t.ok(model.timeline.atMs.length <= 720, 'the timeline is bounded')
})
