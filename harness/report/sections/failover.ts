// The failover table: a column a fault, from injection to normal again, what it cost, and what was demanded of it.
import type { Threshold } from '../../checkers/threshold.ts'
import type { Failover, Verdict } from '../../history/results-contract.ts'
import { clock, count, duration, latency } from '../format.ts'
import { type Html, html } from '../html.ts'
import { escapeMarkdown, markdownTable } from '../markdown-text.ts'
import type { ReportModel } from '../model.ts'
import { mustText } from './measured.ts'
import { type Cell, table } from './table.ts'

/** What is said of a fault: a value, and what a reader should know of it. */
interface Entry {
  readonly value: string
  readonly note: string
  readonly isBad: boolean
}

interface Row {
  readonly name: string
  readonly about: string
  /** The column of thresholds that it answers. */
  readonly column?: FailoverColumn
  readonly of: (one: Failover, speed: number) => string
  readonly note?: (one: Failover, speed: number) => string
}

type FailoverColumn = Extract<Threshold['measure'], { kind: 'failover' }>['column']

/** Of 30 days at 99.99 %, ms. */
const monthlyBudgetMs = 30 * 86_400_000 * 0.0001

const rows: readonly Row[] = [
  { name: 'Injected at', about: '', of: (one) => clock(one.injectedMs) },
  {
    name: 'Detected after',
    about: 'a part said that a backend is down',
    column: 'detectedMs',
    of: (one) => latency(one.detectedMs),
  },
  {
    name: 'Traffic switched after',
    about: 'no known read failed from then on',
    column: 'switchedMs',
    of: (one) => latency(one.switchedMs),
  },
  {
    name: 'Healed at',
    about: '',
    of: (one) => (one.healedMs === null ? 'not healed' : clock(one.healedMs)),
  },
  {
    name: 'Normal again after',
    about: 'counted from the healing',
    column: 'backMs',
    of: (one) => latency(one.backMs),
  },
  {
    name: 'Known reads lost',
    about: 'in the fault or in its aftermath',
    column: 'readsLost',
    of: (one) => count(one.readsLost),
  },
  {
    name: 'Lost, first to last',
    about: 'when their clients were told, from the injection',
    of: (one) => (one.readsLost === 0 ? '–' : `${latency(one.firstLossMs)} to ${latency(one.lastLossMs)}`),
  },
  {
    name: 'Most lost in a row',
    about: 'with no known read answered in between',
    of: lossesInARow,
  },
  {
    name: 'Error budget spent',
    about: `the lost reads as time without any service; 99.99 % a month allows ${duration(monthlyBudgetMs)}`,
    of: (one) => (one.outageMs === null ? 'no reads' : duration(one.outageMs)),
    note: ({ outageMs }, speed) =>
      !outageMs || speed === 1
        ? ''
        : `${duration(outageMs * speed)}, were it to last as long as the calendar`,
  },
  {
    name: 'Served stale',
    about: 'known reads, in the seconds of the fault',
    of: (one) => count(one.staleServed),
  },
  {
    name: 'Slowest known read',
    about: 'in the seconds of the fault',
    column: 'slowestMs',
    of: (one) => latency(one.slowestMs),
  },
]

/** Histories of before losses were counted one by one can't tell. */
export function lossesInARow({ readsLost, lossesInARow }: Failover): string {
  if (lossesInARow !== null) return count(lossesInARow)
  return readsLost === 0 ? '–' : 'not counted'
}

export function failoverSection(model: ReportModel): Html | null {
  const { failovers } = model.results
  if (failovers.length === 0) return null
  const columns = [{ head: '' }, ...names(failovers).map((head) => ({ head, isNumber: true }))]
  const cells = rows.map((row) => [
    html`${row.name}${row.about && html`<br><span class="muted">${row.about}</span>`}`,
    ...failovers.map((_, n) => cellOf(entryOf(model, row, n))),
  ])
  return html`<section id="failover"><h2>Failover</h2>
<p class="caption">A dash: it was not seen, or need not happen.${hasDemands(model) && ' Below a value: what the scenario demands of it.'}</p>
${table(columns, cells)}</section>`
}

/** Null when there was no fault. */
export function failoverMarkdown(model: ReportModel): string | null {
  const { failovers } = model.results
  if (failovers.length === 0) return null
  return markdownTable(
    ['', ...names(failovers).map(escapeMarkdown)],
    rows.map((row) => [
      row.name,
      ...failovers.map((_, n) => {
        const { value, note, isBad } = entryOf(model, row, n)
        const text = escapeMarkdown(note ? `${value} (${note})` : value)
        return isBad ? `**${text}**` : text
      }),
    ]),
  )
}

function names(failovers: readonly Failover[]): string[] {
  return failovers.map(({ fault }, i) => `${i + 1} ${fault}`)
}

function cellOf({ value, note, isBad }: Entry): Cell {
  return { value: html`${value}${note && html`<br><span class="muted">${note}</span>`}`, isBad }
}

function entryOf(model: ReportModel, row: Row, n: number): Entry {
  const one = model.results.failovers[n]!
  const { speed } = model.results
  const demand = row.column && demandOn(model, row.column, n)
  const isLoss = row.column === 'readsLost' && one.readsLost > 0
  return {
    value: row.of(one, speed),
    note: demand?.must ?? row.note?.(one, speed) ?? '',
    isBad: isLoss || demand?.verdict === 'fail',
  }
}

/** A threshold on a fault is about the first of that name. */
function demandOn(
  model: ReportModel,
  column: FailoverColumn,
  n: number,
): { must: string; verdict: Verdict } | undefined {
  const { failovers, thresholds } = model.results
  const { fault } = failovers[n]!
  if (failovers.findIndex((one) => one.fault === fault) !== n) return undefined
  const threshold = model.thresholds.find(
    ({ measure }) => measure.kind === 'failover' && measure.fault === fault && measure.column === column,
  )
  const result = thresholds.find(({ name }) => name === threshold?.name)
  return result && { must: mustText(model, result), verdict: result.verdict }
}

function hasDemands(model: ReportModel): boolean {
  return model.thresholds.some(({ measure }) => measure.kind === 'failover')
}
