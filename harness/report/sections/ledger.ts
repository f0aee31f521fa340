// The bandwidth ledger: what clients got, what S3 had to send for it, and what the difference is worth.

import type { Results } from '../../history/results-contract.ts'
import { bytes, count, dollars, percent, plural } from '../format.ts'
import { type Html, html } from '../html.ts'
import type { PhaseRow, ReportModel } from '../model.ts'
import { table } from './table.ts'

const terabyteInGb = 1000

export function ledgerTable(model: ReportModel): Html {
  const { servedBytes, originBytes, duplicateFills } = model.results.bandwidth
  const columns = [
    { head: 'Phase' },
    { head: 'To clients', isNumber: true },
    { head: 'From S3', isNumber: true },
    { head: 'Saved', isNumber: true },
    { head: 'S3 bytes for each byte served', isNumber: true },
  ]
  const rows = model.phases.map((phase) =>
    ledgerRow(`${phase.name}${phase.control ? ' (control, not counted)' : ''}`, phase),
  )
  const total = ledgerRow('whole run', { servedBytes, originBytes })
  return html`${table(columns, [...rows, total])}
<p>${worth(model.results.bandwidth)} ${fills(duplicateFills)}</p>${linksTable(model)}`
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

function ledgerRow(
  name: string,
  { servedBytes, originBytes }: Pick<PhaseRow, 'servedBytes' | 'originBytes'>,
) {
  const ratio = servedBytes > 0 ? originBytes / servedBytes : null
  return [
    name,
    bytes(servedBytes),
    bytes(originBytes),
    ratio === null ? '–' : savedText(1 - ratio),
    { value: ratio === null ? '–' : ratio.toFixed(2), isBad: ratio !== null && ratio >= 1.005 },
  ]
}

function worth({ savedRatio, money }: Results['bandwidth']): Html {
  if (savedRatio === null) return html`Nothing was served, so nothing can be said of savings.`
  const full = money.dollarsPerGb * terabyteInGb
  return html`At ${dollars(money.dollarsPerGb)} a GB out of S3 (<code>--price</code>), this run’s bytes from S3 cost ${dollars(money.originDollars)} instead of ${dollars(money.servedDollars)}. Each TB that clients read costs <b>${dollars(full)}</b> straight from S3 and <b>${dollars(full * (1 - savedRatio))}</b> through this system: <b>${savedText(savedRatio)}</b> saved.`
}

function fills(duplicates: number): Html {
  return duplicates === 0
    ? html`No object was fetched from S3 twice while one fetch would have done.`
    : html`<span class="bad-text">${plural(duplicates, 'duplicate fetch', 'duplicate fetches')}</span> from S3: ${count(duplicates)} times an object was moved again while one fetch would have done.`
}

/** To a tenth of a percent, but never 100 % when S3 sent anything. */
export function savedText(ratio: number): string {
  const rounded = Math.round(ratio * 1000) / 1000
  return percent(rounded === 1 ? ratio : rounded)
}
