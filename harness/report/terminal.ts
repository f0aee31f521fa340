// The summary at the end of a run in a terminal: the verdict first, at most 25 lines, the report's path last.
import { styleText } from 'node:util'
import type { Results } from '../history/results-contract.ts'
import type { Comparison } from './compared.ts'
import { clock, count, latency, plural, printable } from './format.ts'
import type { ReportModel } from './model.ts'
import { keyNumbers, maxOf, sum } from './sections/key-numbers.ts'
import { measuredText } from './sections/measured.ts'

const maxLines = 25
const looks = { pass: 'green', fail: 'red', unknown: 'yellow' } as const
const maxDoubts = 3
const maxFailures = 4

/** Colours only when `colour` says the reader can see them (see `wantsColour`). */
export function terminalSummary(
  model: ReportModel,
  comparison: Comparison | null,
  reportPath: string,
  colour: boolean,
): string {
  const paint = (verdict: Results['verdict'], text: string) =>
    colour ? styleText(looks[verdict], text, { validateStream: false }) : text
  const { results } = model
  const head = [
    `${paint(results.verdict, results.verdict.toUpperCase())} ${printable(results.reason)}`,
    '',
    ...keyNumbers(model).map(
      ({ name, value, note }) => `  ${name.padEnd(22)} ${value.padStart(10)}  ${note}`,
    ),
    '',
  ]
  const tail = [
    ...doubtLines(model),
    ...failureLines(model),
    ...comparisonLines(comparison),
    '',
    `Report: ${reportPath}`,
  ]
  const room = maxLines - head.length - tail.length
  return [...head, ...thresholdLines(model, room, paint), ...tail].join('\n')
}

export function wantsColour(stream: { isTTY?: boolean }, env: NodeJS.ProcessEnv = process.env): boolean {
  return stream.isTTY === true && !env.NO_COLOR
}

/** What didn't pass comes first, so that a cut never hides it. */
function thresholdLines(
  model: ReportModel,
  room: number,
  paint: (verdict: Results['verdict'], text: string) => string,
): string[] {
  const sorted = model.results.thresholds.toSorted(
    (a, b) => Number(a.verdict === 'pass') - Number(b.verdict === 'pass'),
  )
  const shown = sorted.length <= room ? sorted : sorted.slice(0, room - 1)
  const lines = shown.map(({ name, verdict, measured }) => {
    return `  ${paint(verdict, verdict.padEnd(7))} ${printable(name)}: ${measuredText(model, name, measured)}`
  })
  if (shown.length < sorted.length)
    lines.push(`  … ${plural(sorted.length - shown.length, 'more threshold')} in the report`)
  return lines
}

function doubtLines(model: ReportModel): string[] {
  const shown = model.doubts.slice(0, maxDoubts).map((doubt) => `  doubt: ${printable(doubt)}`)
  const hidden = model.doubts.length - shown.length
  return hidden > 0 ? [...shown, `  … ${plural(hidden, 'more doubt')} in the report`] : shown
}

function failureLines(model: ReportModel): string[] {
  const known = model.failures.filter((group) => group.population === 'known').slice(0, maxFailures)
  return known.map(
    (group) =>
      `  ${count(group.count)} × ${group.outcome} in ${printable(group.phase)} from ${clock(group.firstMs)}, slowest ${latency(group.slowestMs)}: ${printable(group.example.key)}`,
  )
}

function comparisonLines(comparison: Comparison | null): string[] {
  const others = comparison?.systems.slice(1) ?? []
  return others.map(({ system, runs: [{ model }] }) => {
    const known = model.phases.filter(({ control }) => !control).map((phase) => phase.populations.known)
    const lost = plural(
      sum(known, ({ failed }) => failed),
      'known read',
    )
    const slowest = latency(maxOf(known, ({ maxMs }) => maxMs))
    return `  compared with ${printable(system)}: ${model.results.verdict}, ${lost} lost, slowest ${slowest}`
  })
}
