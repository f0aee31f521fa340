import t from 'tap'
import { availabilityChart } from './charts/availability.ts'
import { reportMarkdown } from './markdown.ts'
import { codeSpan, escapeMarkdown } from './markdown-text.ts'
import { fakeModel } from './testing.ts'

t.test('verdict, thresholds and charts are there; failed reads come before the story', async (t) => {
  const model = await fakeModel({ lost: 1 })
  const text = reportMarkdown(model, null, [availabilityChart(model)!], (chart) => `charts/${chart.id}.svg`)
  t.match(text, /^# ❌ FAIL: s3-outage on reference/)
  t.match(text, '![Reads by outcome](charts/availability.svg)')
  t.ok(text.indexOf('## Known reads that failed') < text.indexOf('## What happened'))
  for (const { name } of model.results.thresholds) t.match(text, escapeMarkdown(name))
})

t.test('text from outside can’t become markup, HTML, a mention or a table cell', async (t) => {
  const hostile = ' | <img src=x onerror=alert(1)> [x](javascript:1) `code` @someone\n# head'
  const text = reportMarkdown(await fakeModel({ lost: 1, hostileText: hostile }), null, [], () => '')
  t.notMatch(text, /<img|[^\\]\[x\]|@someone|^# head/m)
  for (const rows of tablesIn(text)) {
    const [head, ...others] = rows.map((row) => row.match(/\|/g)?.length)
    t.ok(head && others.length > 0 && others.every((bars) => bars === head), rows[0]!)
  }
})

t.test('a code span holds any text', async (t) => {
  t.equal(codeSpan('a'), '<code>a</code>')
  t.equal(codeSpan('`\\|`\n</code>'), '<code>\\`\\\\&#124;\\` &lt;/code&gt;</code>')
})

/** Runs of lines that are table rows. */
function tablesIn(text: string): string[][] {
  return text
    .split('\n\n')
    .filter((block) => block.startsWith('|'))
    .map((block) => block.split('\n'))
}
