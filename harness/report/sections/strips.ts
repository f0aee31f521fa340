// Bars that line up what was going on: phases, faults, and the states of backends and parts.
import { clock } from '../format.ts'
import { type Html, html } from '../html.ts'
import type { ReportModel } from '../model.ts'

interface Piece {
  readonly text: string
  readonly title: string
  readonly look: string
  readonly startMs: number
  readonly endMs: number | null
}

export function stripsBlock(model: ReportModel): Html {
  const phases = model.phases.map((phase) => ({
    ...phase,
    text: phase.name,
    title: phase.story,
    look: 'phase',
  }))
  const faults = model.faults.map((fault) => ({
    name: fault.target,
    pieces: [{ ...fault, text: fault.name, title: fault.name, look: 'fault' }],
  }))
  const states = model.strips.map((strip) => ({
    name: strip.part === strip.subject ? strip.part : `${strip.part} → ${strip.subject}`,
    pieces: strip.spans.map((span) => ({
      ...span,
      text: span.state,
      title: span.because,
      look: lookOf(span.state),
    })),
  }))
  return html`<div class="strips">${bar(model, 'phases', phases)}${byName(faults).map((one) => bar(model, `fault on ${one.name}`, one.pieces))}${states.map((one) => bar(model, one.name, one.pieces))}</div>`
}

function byName(bars: readonly { name: string; pieces: Piece[] }[]): { name: string; pieces: Piece[] }[] {
  const merged = new Map<string, Piece[]>()
  for (const { name, pieces } of bars) merged.set(name, [...(merged.get(name) ?? []), ...pieces])
  return [...merged].map(([name, pieces]) => ({ name, pieces }))
}

function bar(model: ReportModel, name: string, pieces: readonly Piece[]): Html {
  return html`<div class="strip"><div class="name">${name}</div><div class="bar">${pieces.map((piece) => pieceHtml(piece, model))}</div></div>`
}

/** Cut to what is shown; null when nothing of it is. */
function pieceHtml(
  { text, title, look, startMs, endMs }: Piece,
  { shown, endMs: runEndMs }: ReportModel,
): Html | null {
  const from = Math.max(startMs, shown.startMs)
  const to = Math.min(endMs ?? runEndMs, shown.endMs)
  if (to <= from) return null
  const isRoomy = ((to - from) / (shown.endMs - shown.startMs)) * barPx >= text.length * characterPx
  const percent = (ms: number) => ((ms / Math.max(1, shown.endMs - shown.startMs)) * 100).toFixed(3)
  const about = `${text}: ${clock(startMs)} to ${clock(endMs ?? runEndMs)}. ${title}`
  return html`<span class="s-${look}" style="left:${percent(from - shown.startMs)}%;width:${percent(to - from)}%" title="${about}">${isRoomy && text}</span>`
}

/** A bar on a desktop's page. A piece too narrow for its text has it in its tip alone. */
const barPx = 1020
const characterPx = 6

function lookOf(state: string): string {
  if (/^(up|running|ready|closed)\b/i.test(state)) return 'up'
  if (/^(down|dead|exited|killed|stopped|open)\b/i.test(state)) return 'down'
  return 'between'
}
