// What the parts had to do and held, by the same clock as what happened; and what of it nobody could see.
import type { Chart } from '../charts/chart.ts'
import { type Html, html } from '../html.ts'
import type { ReportModel } from '../model.ts'
import type { DrawFigure } from './charts.ts'

/** Null for histories that tell nothing of parts. */
export function partsSection(model: ReportModel, charts: readonly Chart[], draw: DrawFigure): Html | null {
  if (charts.length === 0) return null
  const missing = notMeasured(model)
  return html`<section id="parts"><h2>Inside the parts</h2>${
    missing.length > 0 &&
    html`<p class="caption">Not measured, for no part of this system tells: ${missing.join('; ')}.</p>`
  }${charts.map(draw)}</section>`
}

function notMeasured({ parts }: ReportModel): string[] {
  return [
    parts.inFlight.length === 0 ? 'requests under way and waiting' : '',
    parts.connections.length === 0 ? 'connections' : '',
    parts.stored.length === 0 ? 'what the caches hold and evict' : '',
  ].filter((text) => text !== '')
}
