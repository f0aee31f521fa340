// The top of the page: the verdict in a sentence, what was run, and the key numbers.
import { clock, duration, latency } from '../format.ts'
import { type Html, html } from '../html.ts'
import type { ReportModel } from '../model.ts'
import { keyNumbers } from './key-numbers.ts'

export function verdictSection(model: ReportModel): Html {
  const { results } = model
  return html`<header class="verdict ${results.verdict}">
<h1><span class="badge">${model.isRunning ? 'RUNNING' : results.verdict.toUpperCase()}</span>${headline(results.reason)}</h1>
<ul class="facts">
<li><b>${results.scenario}</b> on <b>${results.system}</b></li>
<li>origin <b>${results.origin}</b></li>
<li>Toxiproxy <b>${results.toxiproxy.kind} ${results.toxiproxy.version}</b></li>
<li>${calendar(model)}</li>
<li>started <b>${results.startedAt}</b></li>
<li>seed <b>${results.seed}</b></li>
<li>commit <b>${results.versions.commit}</b></li>
<li>Node <b>${results.versions.node}</b></li>
<li>${results.machine}</li>
${results.generator && html`<li>load generator <b>${latency(results.generator.slipP99Ms)}</b> late at p99</li>`}
</ul>
</header>`
}

/** A reason may bring the end of a log along, which stands below, with the doubts. */
export function headline(reason: string): string {
  const [first, ...rest] = reason.trim().split('\n')
  return rest.length === 0 ? first! : `${first!.replace(/:$/, '')} (below)`
}

function calendar(model: ReportModel): Html {
  const { speed } = model.results
  const wall = html`<b>${clock(model.endMs)}</b> of wall time`
  return speed === 1
    ? wall
    : html`${wall} for <b>${duration(model.endMs * speed)}</b> of calendar time (speed ${speed})`
}

export function keyNumbersSection(model: ReportModel): Html {
  const tiles = keyNumbers(model).map(
    ({ name, value, note, mood }) =>
      html`<div class="tile ${mood}"><dt>${name}</dt><dd><div class="number">${value}</div><div class="note">${note}</div></dd></div>`,
  )
  return html`<dl class="tiles">${tiles}</dl>`
}
