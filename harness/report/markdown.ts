// report.md for pull requests: the verdict, the key numbers, the thresholds and phases, and charts as SVG files beside it.
import type { Chart } from './charts/chart.ts'
import { clock, count, duration, latency } from './format.ts'
import { codeSpan, escapeMarkdown, markdownTable } from './markdown-text.ts'
import type { ReportModel } from './model.ts'
import { failoverMarkdown } from './sections/failover.ts'
import { keyNumbers } from './sections/key-numbers.ts'
import { ledgerMarkdown } from './sections/ledger.ts'
import { intervalText, isCloseCall, marginText, measuredText, mustText } from './sections/measured.ts'
import { headline } from './sections/verdict.ts'
import { lengthMs } from './spans.ts'

const marks = { pass: '✅', fail: '❌', unknown: '❔' } as const

/** `comparison` is Markdown; `chartFile` names the picture of a chart, as seen from the report. */
export function reportMarkdown(
  model: ReportModel,
  comparison: string | null,
  charts: readonly Chart[],
  chartFile: (chart: Chart) => string,
): string {
  const { results } = model
  return [
    `# ${marks[results.verdict]} ${results.verdict.toUpperCase()}: ${escapeMarkdown(results.scenario)} on ${escapeMarkdown(results.system)}`,
    `**${escapeMarkdown(headline(results.reason))}**`,
    facts(model),
    keyNumbersTable(model),
    '## Thresholds',
    thresholdsTable(model),
    ...failures(model),
    ...headed('## Failover', failoverMarkdown(model)),
    ...headed('## Comparison of systems', comparison),
    '## What happened',
    faults(model),
    ...charts.map(
      (chart) => `**${chart.title}.** ${chart.caption}\n\n![${chart.title}](${chartFile(chart)})`,
    ),
    '## Phases',
    phasesTable(model),
    '## Bandwidth',
    ledgerMarkdown(model),
    '',
  ].join('\n\n')
}

function headed(heading: string, text: string | null): string[] {
  return text === null ? [] : [heading, text]
}

function facts({ results, endMs }: ReportModel): string {
  const { origin, toxiproxy, seed, speed, startedAt, versions, machine } = results
  const time =
    speed === 1
      ? clock(endMs)
      : `${clock(endMs)} for ${duration(endMs * speed)} of calendar time (speed ${speed})`
  const parts = [
    `origin ${origin}`,
    `Toxiproxy ${toxiproxy.kind} ${toxiproxy.version}`,
    time,
    `seed ${seed}`,
    `started ${startedAt}`,
    `commit ${versions.commit}`,
    `Node ${versions.node}`,
    machine,
  ]
  return parts.map(escapeMarkdown).join(' · ')
}

function keyNumbersTable(model: ReportModel): string {
  return markdownTable(
    ['', 'Value', ''],
    keyNumbers(model).map(({ name, value, note }) => [name, `**${value}**`, escapeMarkdown(note)]),
  )
}

function thresholdsTable(model: ReportModel): string {
  const { thresholds } = model.results
  if (thresholds.length === 0) return 'The scenario set no thresholds, so nothing could pass.'
  return markdownTable(
    ['', 'Threshold', 'Phase', 'Must be', 'Measured', '95 % interval', 'Margin'],
    thresholds.map((one) => [
      marks[one.verdict],
      escapeMarkdown(one.name),
      escapeMarkdown(one.phase),
      escapeMarkdown(mustText(model, one)),
      measuredText(model, one.name, one.measured),
      intervalText(model, one.name) ?? '',
      `${marginText(model, one)}${isCloseCall(model, one.name) ? ', a close call' : ''}`,
    ]),
  )
}

function failures(model: ReportModel): string[] {
  const known = model.failures.filter((group) => group.population === 'known')
  const doubts = model.doubts.map((doubt) => `- ${escapeMarkdown(doubt)}`)
  const rows = known.map((group) => [
    group.outcome,
    escapeMarkdown(group.phase),
    count(group.count),
    clock(group.firstMs),
    clock(group.lastMs),
    codeSpan(group.example.key),
    escapeMarkdown(group.example.detail),
  ])
  return [
    ...(doubts.length > 0 ? ['## Why it can’t be judged', doubts.join('\n')] : []),
    ...(rows.length > 0
      ? [
          '## Known reads that failed',
          markdownTable(['How', 'Phase', 'Count', 'First', 'Last', 'Example', 'Detail'], rows),
        ]
      : []),
  ]
}

function faults(model: ReportModel): string {
  if (model.faults.length === 0) return 'No fault was injected.'
  return model.faults
    .map((fault, i) => {
      const calendar = duration(lengthMs(fault, model.endMs) * model.results.speed)
      const end = fault.endMs === null ? 'not healed' : clock(fault.endMs)
      return `${i + 1}. ${escapeMarkdown(fault.name)} on ${escapeMarkdown(fault.target)}, ${clock(fault.startMs)} to ${end} (${calendar})`
    })
    .join('\n')
}

function phasesTable(model: ReportModel): string {
  return markdownTable(
    ['Phase', 'Known reads', 'Failed', 'p50', 'p99', 'Max', ''],
    model.phases.map(({ name, story, populations: { known } }) => [
      escapeMarkdown(name),
      count(known.scheduled),
      count(known.failed),
      latency(known.p50Ms),
      latency(known.p99Ms),
      latency(known.maxMs),
      escapeMarkdown(story),
    ]),
  )
}
