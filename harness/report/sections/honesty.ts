// The honesty box: how far the numbers can be trusted, what was scaled, and what each process cost on this machine.
import type { Measure } from '../../checkers/threshold.ts'
import type { LinkCostLine } from '../../history/events.ts'
import { bytes, count, duration, latency, percent, plural } from '../format.ts'
import { type Html, type HtmlValue, html } from '../html.ts'
import { binWidthRatio } from '../latency-bins.ts'
import type { ReportModel } from '../model.ts'
import { table } from './table.ts'

interface Statement {
  readonly text: HtmlValue
  readonly isBad?: boolean
}

export function honestySection(model: ReportModel): Html {
  const statements = [
    ...schedule(model),
    ...faultEvidence(model),
    ...unjudged(model),
    time(model),
    ...worlds(model),
    bins(model),
    ending(model),
  ]
  return html`<section id="honesty"><h2>How far to trust this</h2><div class="two">
<ul>${statements.map(({ text, isBad }) => html`<li${isBad && html` class="bad-text"`}>${text}</li>`)}</ul>
<div>${cpuTable(model)}</div></div></section>`
}

function schedule({ generator, endMs }: ReportModel): Statement[] {
  if (generator === null) return [{ text: 'The load generator left no account of itself.', isBad: true }]
  const { scheduled, sent, dropped, slipP99Ms, eventLoopLagP99Ms, cpuSeconds, gc } = generator
  const balances = scheduled === sent + dropped
  return [
    {
      text: `${count(scheduled)} arrivals were scheduled = ${count(sent)} sent + ${count(dropped)} dropped${balances ? '.' : ': this does not balance.'}`,
      isBad: !balances || dropped > 0,
    },
    {
      text: `99 % of arrivals left within ${latency(slipP99Ms)} of their intended time (slip p99). Response times count from the intended time, so they include it.`,
    },
    {
      text: `The generator’s event loop lagged by ${latency(eventLoopLagP99Ms)} at p99; it used ${duration(cpuSeconds * 1000)} of CPU (${share(cpuSeconds, endMs)} of one core), on the same machine as the system under test.`,
    },
    {
      text: gc
        ? `It paused ${plural(gc.pauses, 'time')} to collect garbage, ${latency(gc.totalMs)} in all, ${latency(gc.longestMs)} at the longest.`
        : 'How long it paused to collect garbage is not known.',
    },
  ]
}

function faultEvidence(model: ReportModel): Statement[] {
  return model.faults.map(({ name, touched }) => {
    if (touched === null)
      return { text: `“${name}”: nobody vouches that it touched any traffic.`, isBad: true }
    if (touched.count === 0)
      return { text: `“${name}” touched no traffic (${touched.evidence}): nothing was proven.`, isBad: true }
    return { text: `“${name}” touched traffic (${touched.evidence}: ${count(touched.count)}).` }
  })
}

/** The warm-up cut: what was done so that the rest could be measured. */
function unjudged({ phases, thresholds }: ReportModel): Statement[] {
  const judged = new Set(thresholds.flatMap(({ measure }) => phasesOf(measure)))
  const left = phases.filter(({ name }) => !judged.has(name)).map(({ name }) => name)
  if (left.length === 0) return []
  return [{ text: `No threshold is measured on ${left.join(', ')}.` }]
}

function phasesOf(measure: Measure): readonly string[] {
  if ('phases' in measure) return measure.phases
  return 'phase' in measure ? [measure.phase] : []
}

/** What was real, what stood in for something, and what the tool itself adds. */
function worlds({ results: { origin, toxiproxy }, linkCost }: ReportModel): Statement[] {
  const emulated = origin === 's3rver' || origin === 'synthetic'
  return [
    {
      text: `Real: processes, sockets, TLS, disk, and every body byte compared with its digest. ${emulated ? `Emulated: S3 (${origin}), and` : 'Emulated:'} the network between the parts (Toxiproxy, ${toxiproxy.kind}). Nothing ran on a virtual clock.`,
    },
    { text: 'All times are of one monotonic clock of this machine, which harness and load generator share.' },
    ...(linkCost ? [{ text: linkCostText(linkCost) }] : []),
  ]
}

function linkCostText({ roundTrips, directMs, throughLinkMs }: LinkCostLine): string {
  return `What the tool adds: ${count(roundTrips)} small round trips took ${latency(throughLinkMs.p50)} through a link with no toxic (p99 ${latency(throughLinkMs.p99)}) and ${latency(directMs.p50)} past it (p99 ${latency(directMs.p99)}).`
}

function time({ results }: ReportModel): Statement {
  if (results.speed === 1) return { text: 'Nothing was scaled: calendar time is wall time.' }
  return {
    text: `Calendar lengths (outages, freshness, inactive, DNS hold) ran ${results.speed} times faster. Latencies, check intervals and timeouts are real and were not scaled.`,
  }
}

function bins({ timeline }: ReportModel): Statement {
  return {
    text: `Charts over time merge ${plural(timeline.widthMs / 1000, 'second')} into each point and read percentiles from bins ${percent(binWidthRatio)} wide; maxima, tables and spectra are exact to three digits.`,
  }
}

function ending({ interrupted, doubts }: ReportModel): Statement {
  if (interrupted) return { text: 'The run was interrupted.', isBad: true }
  if (doubts.length > 0)
    return {
      text: `There ${doubts.length === 1 ? 'is' : 'are'} ${plural(doubts.length, 'doubt')}; see the top.`,
      isBad: true,
    }
  return { text: 'The run went to its end, and its history has no gap.' }
}

/** Of one core. */
function share(seconds: number, endMs: number): string {
  return `${((seconds / Math.max(1, endMs / 1000)) * 100).toFixed(1)} %`
}

function cpuTable({ cpu, generator, endMs }: ReportModel): Html {
  const columns = [
    { head: 'Process' },
    { head: 'CPU', isNumber: true },
    { head: 'Of one core', isNumber: true },
    { head: 'Most memory', isNumber: true },
  ]
  const rows = cpu.map(({ part, seconds, maxRssBytes }) => [
    part,
    `${seconds.toFixed(1)} s`,
    share(seconds, endMs),
    bytes(maxRssBytes),
  ])
  const isListed = cpu.some(({ part }) => /generator|load/.test(part))
  if (generator && !isListed) {
    rows.push([
      'load generator',
      `${generator.cpuSeconds.toFixed(1)} s`,
      share(generator.cpuSeconds, endMs),
      '–',
    ])
  }
  return rows.length > 0 ? table(columns, rows) : html`<p class="muted">No process was accounted for.</p>`
}
