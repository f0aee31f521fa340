// Puts the report together as one HTML file that needs nothing else: no network, no script to read it, no server.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { Chart } from './charts/chart.ts'
import type { Comparison } from './compared.ts'
import { type Html, html, jsonScript, trusted } from './html.ts'
import type { ReportModel } from './model.ts'
import { chartsOf, type DrawFigure, faultList, figure } from './sections/charts.ts'
import { comparisonCharts, comparisonSection } from './sections/comparison.ts'
import { configurationSection } from './sections/configuration.ts'
import { errorsSection } from './sections/errors.ts'
import { failoverSection } from './sections/failover.ts'
import { honestySection } from './sections/honesty.ts'
import { ledgerTable } from './sections/ledger.ts'
import { partsSection } from './sections/parts.ts'
import { sizesTable } from './sections/sizes.ts'
import { stripsBlock } from './sections/strips.ts'
import { phasesSection, thresholdsSection } from './sections/thresholds.ts'
import { keyNumbersSection, verdictSection } from './sections/verdict.ts'

/** Nothing may be fetched, whatever slipped into the page. */
const offlinePolicy =
  "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:"
const livePolicy = `${offlinePolicy}; connect-src 'self'`

export interface PageParts {
  readonly title: string
  readonly body: Html
  readonly charts: readonly Chart[]
  readonly speed: number
  /** The page may ask its own server for news. Only for a run under way, served on loopback. */
  readonly isLive?: boolean
}

/** The finished page; every chart stands in it as SVG too, drawn by `svgOf`. */
export function reportPage(
  model: ReportModel,
  comparison: Comparison | null,
  svgOf: (chart: Chart) => string,
): string {
  return pageOf(reportParts(model, comparison, (chart) => figure(chart, svgOf(chart))))
}

export function reportParts(model: ReportModel, comparison: Comparison | null, draw: DrawFigure): PageParts {
  const { results } = model
  const charts = chartsOf(model)
  const compared = comparison ? comparisonCharts(comparison) : { forests: [], overlays: [] }
  const sections = html`${errorsSection(model)}
${thresholdsSection(model)}
<section id="timeline"><h2>What happened</h2>${faultList(model)}${charts.overTime.length > 0 && keysHint()}${charts.overTime.map(draw)}${stripsBlock(model)}</section>
${partsSection(model, charts.parts, draw)}
${failoverSection(model)}
${comparisonSection(comparison, draw)}
${phasesSection(model)}
${charts.latency.length > 0 && html`<section id="latency"><h2>Latency</h2>${charts.latency.map(draw)}${sizesTable(model)}</section>`}
<section id="bandwidth"><h2>Bandwidth</h2>${charts.traffic.map(draw)}${ledgerTable(model)}</section>
${charts.healing.length > 0 && html`<section id="healing"><h2>After healing</h2>${charts.healing.map(draw)}</section>`}
${honestySection(model)}
${configurationSection(model)}`
  return {
    title: `${model.isRunning ? 'RUNNING' : results.verdict.toUpperCase()}: ${results.scenario} on ${results.system}`,
    body: html`${verdictSection(model)}${keyNumbersSection(model)}${navigation(sections)}${sections}`,
    charts: [...Object.values(charts), ...Object.values(compared)].flat(),
    speed: results.speed,
  }
}

function keysHint(): Html {
  return html`<p class="caption hint">Charts answer to the mouse (Ctrl and the wheel zoom) and to the keyboard: reach one with Tab, then ← → to read, + − to zoom, Esc to see the whole run again.</p>`
}

/** Links to the sections that are there. */
function navigation(body: Html): Html {
  const places = [...body.toString().matchAll(/<section id="([a-z]+)"><h2>([^<]*)<\/h2>/g)]
  return html`<nav aria-label="Sections">${places.map(([, id, title]) => html`<a href="#${id}">${trusted(title!)}</a>`)}</nav>`
}

/** What the page's script draws. */
export function liveCharts(charts: readonly Chart[]) {
  return charts.map(({ id, heightPx, option, group }) => ({ id, heightPx, option, group }))
}

/** Any page of ours: style, body, and the charts brought to life. */
export function pageOf({ title, body, charts, speed, isLive = false }: PageParts): string {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="${isLive ? livePolicy : offlinePolicy}">
<title>${title}</title>
<link rel="icon" href="data:,">
<style>${trusted(palette())}${trusted(asset('page.css'))}</style>
</head>
<body>
<a class="skip" href="#main">To the report</a>
<main id="main">
${body}
<footer>Made by breakwater from the run’s history alone.</footer>
</main>
${jsonScript('charts', { speed, isLive, charts: liveCharts(charts) })}
<script>${trusted(echartsSource())}</script>
<script>${trusted(clientSource())}</script>
</body>
</html>
`.toString()
}

export function palette(): string {
  return asset('palette.css')
}

function asset(name: string): string {
  return readFileSync(new URL(`page/${name}`, import.meta.url), 'utf8')
}

function echartsSource(): string {
  const path = createRequire(import.meta.url).resolve('echarts/dist/echarts.min.js')
  return readFileSync(path, 'utf8').replace(/<\/script/g, '<\\/script')
}

/** The two files as one classic script: modules can't be imported from a page that stands alone. */
function clientSource(): string {
  return `{${asset('chart-options.js').replace(/^export /gm, '')}\n${asset('client.js')}}`
}
