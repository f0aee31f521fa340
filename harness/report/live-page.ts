// While a run lasts, serves its report on loopback and sends a newer one to whoever looks. Nobody looking costs nothing:
// the report is only put together for an open page, and at most once in a while, for the run is being measured.
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { HistoryLine } from '../history/events.ts'
import { type Results, resultsOf } from '../history/results.ts'
import { type Summary, SummaryBuilder } from '../history/summary.ts'
import { html } from './html.ts'
import { ModelBuilder } from './model.ts'
import { liveCharts, type PageParts, pageOf, reportParts } from './page.ts'
import { figure } from './sections/charts.ts'

export interface LivePage extends AsyncDisposable {
  readonly url: string
  line(line: HistoryLine): void
  /** Sends the last report and says that no other will come. */
  end(): void
}

const refreshMs = 2000

/** Listens on 127.0.0.1; `port` 0 takes a free one. Rejects when the port is taken. */
export async function openLivePage(port = 0): Promise<LivePage> {
  const summary = new SummaryBuilder()
  const builder = new ModelBuilder()
  const viewers = new Set<ServerResponse>()
  let hasNews = false
  let hasEnded = false
  const parts = (): PageParts => {
    const soFar = summary.finish()
    if (soFar.run === null && !hasEnded) return broughtUp
    const results = resultsOf(soFar)
    const model = hasEnded
      ? builder.snapshot(soFar, results)
      : builder.snapshot({ ...soFar, doubts: [] }, underWay(results, soFar), true)
    return reportParts(model, null, (chart) => figure(chart, null))
  }
  const send = () => {
    if (!hasNews || viewers.size === 0) return
    hasNews = false
    const event = reportEvent(parts())
    for (const viewer of viewers) if (!viewer.writableNeedDrain) viewer.write(event)
  }
  const server = createServer((request, response) => {
    if (request.url === '/events') {
      startEvents(response)
      if (hasEnded) response.write(endEvent)
      viewers.add(response)
      response.on('close', () => viewers.delete(response))
    } else if (request.url === '/') {
      response.setHeader('content-type', 'text/html; charset=utf-8')
      response.end(pageOf({ ...parts(), isLive: true }))
    } else response.writeHead(404).end()
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(port, '127.0.0.1', resolve)
  })
  const timer = setInterval(send, refreshMs)

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    line(line) {
      summary.add(line)
      builder.add(line)
      hasNews = true
    },
    end() {
      hasEnded = true
      hasNews = true
      send()
      for (const viewer of viewers) viewer.write(endEvent)
    },
    async [Symbol.asyncDispose]() {
      clearInterval(timer)
      for (const viewer of viewers) viewer.end()
      const closed = new Promise((resolve) => server.close(resolve))
      server.closeAllConnections()
      await closed
    },
  }
}

/** Before the run has said what it is. */
const broughtUp: PageParts = {
  title: 'RUNNING',
  body: html`<header class="verdict unknown"><h1><span class="badge">RUNNING</span>Everything is being brought up</h1></header>`,
  charts: [],
  speed: 1,
}

const endEvent = 'event: end\ndata: \n\n'

function startEvents(response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
  response.write('retry: 2000\n\n')
}

function reportEvent({ title, body, charts }: PageParts): string {
  return `event: report\ndata: ${JSON.stringify({ title, body: body.toString(), charts: liveCharts(charts) })}\n\n`
}

/** While the run lasts it has no verdict yet, and what is missing at its end is no doubt. */
function underWay(results: Results, summary: Summary): Results {
  const phase = summary.phases.findLast((one) => one.endMs === null)
  return {
    ...results,
    verdict: 'unknown',
    reason: phase ? `The run is under way, in ${phase.name}: ${phase.story}` : 'The run is under way',
    thresholds: results.thresholds.map((threshold) => ({ ...threshold, verdict: 'unknown' })),
  }
}
