import t from 'tap'
import { terminalSummary, wantsColour } from './terminal.ts'
import { fakeModel } from './testing.ts'

t.test('the verdict comes first, the path last, in at most 25 lines', async (t) => {
  const lines = terminalSummary(await fakeModel(), null, '/runs/report.html', false).split('\n')
  t.match(lines[0], /^PASS reads continued/)
  t.equal(lines.at(-1), 'Report: /runs/report.html')
  t.ok(lines.length <= 25, `${lines.length} lines`)
})

t.test('however much there is to say, it stays within 25 lines and what failed is not cut', async (t) => {
  const model = await fakeModel({ lost: 3, hostileText: '\u001b[2J\nsecond line' })
  const passed = model.results.thresholds[1]!
  const failed = { ...passed, name: 'the last of many', verdict: 'fail' as const }
  const thresholds = [
    ...Array.from({ length: 60 }, (_, i) => ({ ...passed, name: `passes ${i}`, verdict: 'pass' as const })),
    failed,
  ]
  const doubts = Array.from({ length: 20 }, (_, i) => `doubt ${i}`)
  const text = terminalSummary(
    { ...model, doubts, results: { ...model.results, thresholds } },
    null,
    '/r',
    false,
  )
  t.ok(text.split('\n').length <= 25, `${text.split('\n').length} lines`)
  t.match(text, 'the last of many')
  t.match(text, /more thresholds in the report/)
  t.match(text, /known reads|http5xx/)
  t.notMatch(text, '\u001b', 'nothing from outside reaches the terminal as a command')
})

t.test('colours only where a reader can see them and has not refused them', async (t) => {
  const model = await fakeModel()
  t.match(terminalSummary(model, null, '/r', true), '\u001b[32mPASS')
  t.notMatch(terminalSummary(model, null, '/r', false), '\u001b')
  t.equal(wantsColour({ isTTY: true }, {}), true)
  t.equal(wantsColour({ isTTY: true }, { NO_COLOR: '1' }), false)
  t.equal(wantsColour({}, {}), false)
})

t.test('a line for each system it was compared with; the verdict stays its own', async (t) => {
  const model = await fakeModel()
  const other = await fakeModel({ system: 'direct', lost: 30 })
  const comparison = {
    fromDir: '/runs',
    systems: [
      { system: 'reference', runs: [{ runDir: '/runs', model }] as const },
      { system: 'direct', runs: [{ runDir: '/runs/compared/direct', model: other }] as const },
      { system: 'cut off', runs: [{ runDir: '/runs/c', model: { ...other, phases: [] } }] as const },
    ],
  }
  const lines = terminalSummary(model, comparison, '/runs/report.html', false).split('\n')
  t.match(lines[0], /^PASS/)
  t.match(lines.join('\n'), 'compared with cut off: fail, 0 known reads lost, slowest –')
  t.equal(
    lines.filter((line) => /compared with direct: fail, 1\u202f800 known reads lost, slowest \d/.test(line))
      .length,
    1,
  )
})
