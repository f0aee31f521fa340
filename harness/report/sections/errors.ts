// Errors first: every kind of failure with its count, when it happened, and one example to go and look for in the logs.

import type { Population } from '../../history/events.ts'
import { outcomeNames } from '../charts/availability.ts'
import type { FailureGroup } from '../failure-groups.ts'
import { clock, count, latency, plural } from '../format.ts'
import { type Html, html } from '../html.ts'
import type { ReportModel } from '../model.ts'
import { knownReads, sum } from './key-numbers.ts'
import { table } from './table.ts'

const populationNames: Readonly<Record<Population, string>> = {
  known: 'known reads',
  'never-read': 'never-read objects',
  upload: 'uploads',
}

/** Failed known reads stand open at the top; the clear failures of the rest, which scenarios expect, are folded. */
export function errorsSection(model: ReportModel): Html | null {
  const known = model.failures.filter((group) => group.population === 'known')
  const others = model.failures.filter((group) => group.population !== 'known')
  if (model.failures.length === 0 && model.doubts.length === 0) return null
  return html`<section id="errors"><h2>Failures</h2>
${model.doubts.length > 0 && doubts(model)}
${
  known.length > 0
    ? html`<p class="bad-text">${plural(total(known), 'known read')} failed.</p>${failuresTable(known)}`
    : html`<p>${knownReads(model) === 0 ? 'No known read was sent.' : 'No known read failed.'}</p>`
}
${
  others.length > 0 &&
  html`<details><summary>${plural(total(others), 'request')} for never-read objects and uploads failed</summary>
<p class="caption">No cache can answer these while S3 is away; what counts is that they fail clearly and at once.</p>${failuresTable(others)}</details>`
}</section>`
}

function doubts(model: ReportModel): Html {
  return html`<p class="bad-text">Why this run can’t be judged:</p><ul>${model.doubts.map(doubtItem)}</ul>`
}

/** The lines after its first are the end of a log. */
function doubtItem(doubt: string): Html {
  const [first, ...log] = doubt.trim().split('\n')
  return html`<li>${first}${log.length > 0 && html`<pre tabindex="0">${log.join('\n')}</pre>`}</li>`
}

function total(groups: readonly FailureGroup[]): number {
  return sum(groups, (group) => group.count)
}

function failuresTable(groups: readonly FailureGroup[]): Html {
  const columns = [
    { head: 'What' },
    { head: 'How' },
    { head: 'Phase' },
    { head: 'Count', isNumber: true },
    { head: 'First', isNumber: true },
    { head: 'Last', isNumber: true },
    { head: 'Slowest', isNumber: true },
    { head: 'Example' },
  ]
  return table(
    columns,
    groups.map((group) => [
      populationNames[group.population],
      outcomeNames[group.outcome] ?? group.outcome,
      group.phase,
      count(group.count),
      clock(group.firstMs),
      clock(group.lastMs),
      latency(group.slowestMs),
      html`<code>${group.example.key}</code><br>${group.example.detail} <span class="muted">request ${group.example.requestId}</span>`,
    ]),
  )
}
