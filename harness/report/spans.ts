// Stretches of a run that the charts shade or draw as bars: what a backend or a part was at, and since when.
import type { StateLine } from '../history/events.ts'

/** A phase of the run; `endMs` is null while it lasts. */
export interface PhaseSpan {
  readonly name: string
  readonly story: string
  readonly startMs: number
  readonly endMs: number | null
}

/** A fault; `endMs` is null while it lasts. */
export interface FaultSpan {
  readonly name: string
  readonly target: string
  readonly startMs: number
  readonly endMs: number | null
  readonly touched: { readonly count: number; readonly evidence: string } | null
}

export interface StateSpan {
  readonly state: string
  readonly because: string
  readonly startMs: number
  endMs: number | null
}

/** What became of one backend, as a router saw it, or of one part of the system. */
export interface Strip {
  readonly part: string
  readonly subject: string
  readonly spans: StateSpan[]
}

/** The states of each part and subject as spans without gaps; a state told twice is one span. */
export function stripsOf(states: readonly StateLine[]): Strip[] {
  const strips = new Map<string, Strip>()
  for (const line of states) {
    const id = `${line.part} ${line.subject}`
    const strip = strips.get(id) ?? { part: line.part, subject: line.subject, spans: [] }
    strips.set(id, strip)
    const current = strip.spans.at(-1)
    if (current?.state === line.state) continue
    if (current) current.endMs = line.atMs
    strip.spans.push({ state: line.state, because: line.because, startMs: line.atMs, endMs: null })
  }
  return [...strips.values()]
}

/** How long a span lasted, ms; up to `nowMs` when it has not ended. */
export function lengthMs(span: Pick<StateSpan, 'startMs' | 'endMs'>, nowMs: number): number {
  return Math.max(0, (span.endMs ?? nowMs) - span.startMs)
}
