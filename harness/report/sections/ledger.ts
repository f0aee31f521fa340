// The bandwidth ledger: what clients got, what S3 had to send for it, and what the difference is worth.

import type { Results } from '../../history/results-contract.ts'
import { bytes, dollars, percent, plural } from '../format.ts'
import { type Html, html } from '../html.ts'
import { escapeMarkdown, markdownTable } from '../markdown-text.ts'
import type { PhaseRow, ReportModel } from '../model.ts'
import { table } from './table.ts'

const terabyteInGb = 1000

const columns = [
  { head: 'Phase' },
  { head: 'To clients', isNumber: true },
  { head: 'From S3', isNumber: true },
  { head: 'Saved', isNumber: true },
  { head: 'S3 bytes for each byte served', isNumber: true },
]

export function ledgerTable(model: ReportModel): Html {
  const { bandwidth } = model.results
  return html`${table(columns, ledgerRows(model))}
<p>${worth(bandwidth)} ${fills(bandwidth)}</p>${linksTable(model)}`
}

export function ledgerMarkdown(model: ReportModel): string {
  const rows = ledgerRows(model).map((row) =>
    row.map((cell) => escapeMarkdown(typeof cell === 'string' ? cell : cell.value)),
  )
  return markdownTable(
    columns.map(({ head }) => head),
    rows,
  )
}

function ledgerRows({ phases, results }: ReportModel) {
  const rows = phases.map((phase) =>
    ledgerRow(`${phase.name}${phase.control ? ' (control, not counted)' : ''}`, phase, 1.05),
  )
  return [...rows, ledgerRow('whole run', results.bandwidth, 1.005)]
}

function linksTable({ links }: ReportModel): Html | null {
  if (links.length === 0) return null
  const columns = [
    { head: 'Link' },
    { head: 'Towards S3', isNumber: true },
    { head: 'Towards clients', isNumber: true },
  ]
  const rows = links.map((one) => [one.link, bytes(one.upstreamBytes), bytes(one.downstreamBytes)])
  return html`<h3>What crossed each link</h3><p class="caption">As Toxiproxy counted it: headers, TLS and probes included, and control phases too.</p>${table(columns, rows)}`
}

/** Above `worst` S3 sent more than clients got. A phase's last bytes may fall into the next one, so a phase is allowed more. */
function ledgerRow(
  name: string,
  { servedBytes, originBytes }: Pick<PhaseRow, 'servedBytes' | 'originBytes'>,
  worst: number,
) {
  const ratio = servedBytes > 0 ? originBytes / servedBytes : null
  return [
    name,
    bytes(servedBytes),
    bytes(originBytes),
    ratio === null ? '–' : savedText(1 - ratio),
    { value: ratio === null ? '–' : ratio.toFixed(2), isBad: ratio !== null && ratio >= worst },
  ]
}

function worth({ savedRatio, money }: Results['bandwidth']): Html {
  if (savedRatio === null) return html`Nothing was served, so nothing can be said of savings.`
  const full = money.dollarsPerGb * terabyteInGb
  return html`At ${dollars(money.dollarsPerGb)} a GB out of S3 (<code>--price</code>), this run’s bytes from S3 cost ${dollars(money.originDollars)} instead of ${dollars(money.servedDollars)}. Each TB that clients read costs <b>${dollars(full)}</b> straight from S3 and <b>${dollars(full * (1 - savedRatio))}</b> through this system: <b>${savedText(savedRatio)}</b> saved.`
}

/** Whose fault it was, the origin's log does not say; what may not happen is a scenario's to demand. */
function fills({ duplicateFills, duplicatesPastCache }: Results['bandwidth']): Html {
  if (duplicateFills === 0) return html`No object was fetched from S3 twice while one fetch would have done.`
  const avoidable = duplicateFills - duplicatesPastCache
  return html`${
    avoidable > 0 &&
    html`<b>${plural(avoidable, 'duplicate fetch', 'duplicate fetches')}</b> from S3: so often an object was moved again while one fetch would have done, by a cache that did not share its fetch, or by a router that asked S3 beside a slow cache. `
  }${
    duplicatesPastCache > 0 &&
    html`${plural(duplicatesPastCache, 'read')} moved an object again because ${duplicatesPastCache === 1 ? 'it' : 'they'} went to S3 past the caches (failover): there was nobody to share the fetch with.`
  }`
}

/** To a tenth of a percent, but never 100 % when S3 sent anything. */
export function savedText(ratio: number): string {
  const rounded = Math.round(ratio * 1000) / 1000
  return percent(rounded === 1 ? ratio : rounded)
}
