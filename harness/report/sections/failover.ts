// The failover table: one row a fault, from injection to normal again, and what it cost.
import { clock, count, latency } from '../format.ts'
import { type Html, html } from '../html.ts'
import type { ReportModel } from '../model.ts'
import { table } from './table.ts'

export function failoverSection(model: ReportModel): Html | null {
  const { failovers } = model.results
  if (failovers.length === 0) return null
  const columns = [
    { head: 'Fault' },
    { head: 'Injected at', isNumber: true },
    { head: 'Detected after', isNumber: true },
    { head: 'Traffic switched after', isNumber: true },
    { head: 'Healed at', isNumber: true },
    { head: 'Normal again after', isNumber: true },
    { head: 'Known reads lost', isNumber: true },
    { head: 'Lost, first to last', isNumber: true },
    { head: 'Slowest known read', isNumber: true },
  ]
  const rows = failovers.map((one) => [
    one.fault,
    clock(one.injectedMs),
    latency(one.detectedMs),
    latency(one.switchedMs),
    one.healedMs === null ? 'not healed' : clock(one.healedMs),
    latency(one.backMs),
    { value: count(one.readsLost), isBad: one.readsLost > 0 },
    one.readsLost === 0 ? '–' : `${latency(one.firstLossMs)} to ${latency(one.lastLossMs)}`,
    latency(one.slowestMs),
  ])
  return html`<section id="failover"><h2>Failover</h2>
<p class="caption">Detected: a part said that the backend is down. Switched: no known read failed from then on. Normal again: counted from the healing. Lost: a read that failed, by when its client was told; counted from the injection. A dash: it was not seen, or need not happen.</p>
${table(columns, rows)}</section>`
}
