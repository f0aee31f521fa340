// Draws a chart as SVG without a browser: for paper, for pages without script, and for pull requests.
import { init } from 'echarts'
import { escapeHtml } from '../html.ts'
import { resolveOption } from '../page/chart-options.js'
import type { Chart } from './chart.ts'

const widthPx = 1040

/** SVG whose colours are CSS variables of the page it stands in. It scales to the page's width. */
export function chartSvg(chart: Chart, speed: number): string {
  const instance = init(null, null, { renderer: 'svg', ssr: true, width: widthPx, height: chart.heightPx })
  try {
    instance.setOption(resolveOption(chart.option, { colour: (css: string) => css, speed, widthPx }))
    return clean(instance.renderToSVGString(), chart)
  } finally {
    instance.dispose()
  }
}

/**
 * Drops what only matters to a live chart, and names the picture for readers who can't see it. ECharts numbers the ids
 * inside by how many charts it drew before; by the chart's own name they are the same each time and clash in no page.
 */
function clean(svg: string, { id, title }: Chart): string {
  return svg
    .replace(/<style ?>[\s\S]*?<\/style>/g, '')
    .replace(/ (class|ecmeta_\w+|pointer-events)="[^"]*"/g, '')
    .replace(/\bzr\d+-/g, `${id}-`)
    .replace(/\n/g, '')
    .replace(/^<svg width="\d+" height="\d+"/, `<svg role="img" aria-label="${escapeHtml(title)}"`)
}

/** SVG as a file of its own, on its own ground; `palette` is CSS that says what the colours are by light and dark. */
export function standaloneSvg(svg: string, palette: string): string {
  return svg.replace(
    /(<svg[^>]*>)/,
    `$1<style>${palette}</style><rect width="100%" height="100%" style="fill:var(--card)"/>`,
  )
}
