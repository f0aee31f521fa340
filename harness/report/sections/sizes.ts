// How long objects of each size took, by the path that served them: what a hit is worth, and what it is not.
import { outcomeNames } from '../charts/availability.ts'
import { bytes, count, latency } from '../format.ts'
import { type Html, html } from '../html.ts'
import type { ReportModel } from '../model.ts'
import { table } from './table.ts'

/** null for histories that don't tell reads apart by size. */
export function sizesTable({ sizes }: ReportModel): Html | null {
  if (sizes.length === 0) return null
  const columns = [
    { head: 'Size' },
    { head: 'Served by' },
    { head: 'Reads', isNumber: true },
    { head: 'First byte p50', isNumber: true },
    { head: 'First byte p99', isNumber: true },
    { head: 'Whole body p50', isNumber: true },
    { head: 'Whole body p99', isNumber: true },
    { head: 'Speed', isNumber: true },
    { head: 'A miss takes', isNumber: true },
  ]
  const rows = sizes.map((one) => [
    one.sizeClass,
    `${outcomeNames[one.outcome]}${one.isPart ? ', a part' : ''}`,
    count(one.reads),
    latency(one.ttfbMs.p50),
    latency(one.ttfbMs.p99),
    latency(one.wholeMs.p50),
    latency(one.wholeMs.p99),
    `${bytes(one.bytesPerSecond)}/s`,
    one.missRatio === null ? '–' : `${Number(one.missRatio.toPrecision(2))} ×`,
  ])
  return html`<h3>By object size</h3><p class="caption">All reads of the run that ended ok, never-read objects and warming too; times count from the first byte sent (service time). Direct: straight from S3, past the system. A part: a Range of an object; its size is the part’s. Speed: bytes over the time from the first byte sent to the last received. A miss takes: how many times as long for the whole body, at p50. p99 from 100 reads on.</p>${table(columns, rows)}`
}
