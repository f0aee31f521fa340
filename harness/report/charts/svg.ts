// Draws a chart as SVG without a browser: for paper, for pages without script, and for pull requests.
import { init } from 'echarts'
import { escapeHtml } from '../html.ts'
import { resolveOption } from '../page/chart-options.js'
import type { Chart } from './chart.ts'

/** SVG whose colours are CSS variables of the page it stands in. It scales to the page's width. */
export function chartSvg(chart: Chart, speed: number, widthPx = 1040): string {
  const instance = init(null, null, { renderer: 'svg', ssr: true, width: widthPx, height: chart.heightPx })
  try {
    instance.setOption(resolveOption(chart.option, { colour: (css: string) => css, speed, widthPx }))
    return clean(instance.renderToSVGString(), chart.title)
  } finally {
    instance.dispose()
  }
}

/** Drops what only matters to a live chart, and names the picture for readers who can't see it. */
function clean(svg: string, title: string): string {
  return svg
    .replace(/<style ?>[\s\S]*?<\/style>/g, '')
    .replace(/ (class|ecmeta_\w+|pointer-events)="[^"]*"/g, '')
    .replace(/\n/g, '')
    .replace(/^<svg width="\d+" height="\d+"/, `<svg role="img" aria-label="${escapeHtml(title)}"`)
}

/** SVG as a file of its own, on its own ground, following the reader's light or dark. */
export function standaloneSvg(chart: Chart, speed: number, palette: string): string {
  const svg = chartSvg(chart, speed, 900)
  const style = `<style>${palette}</style>`
  return svg.replace(/(<svg[^>]*>)/, `$1${style}<rect width="100%" height="100%" style="fill:var(--card)"/>`)
}
