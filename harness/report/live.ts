// Live progress in a terminal, from history lines as they come: the phase's line is rewritten on a terminal,
// and printed once a phase (and on every change of a backend) where there is none.
import type { HistoryLine, PhaseLine, StateLine, WindowLine } from '../history/events.ts'
import { type Outcome, okOutcomes } from '../history/events.ts'
import { decodeHistogram, type Histogram, newHistogram, quantileMs } from '../history/histogram.ts'
import { bytes, clock, count, latency, printable } from './format.ts'

export interface LiveViewOptions {
  readonly stream: { write(text: string): unknown; readonly isTTY?: boolean; readonly columns?: number }
  /** Calendar time over wall time. */
  readonly speed: number
  readonly quiet: boolean
}

export interface LiveView {
  line(line: HistoryLine): void
  /** Leaves the cursor on a line of its own. */
  end(): void
}

interface PhaseSoFar {
  readonly name: string
  readonly ok: Record<'reads' | 'writes', number>
  readonly failed: Record<'reads' | 'writes', number>
  readonly responses: Histogram
  originBytes: number
  atMs: number
}

/** By the run's own clock: how often the line is rewritten on a terminal, and how often it is printed elsewhere. */
const redrawMs = 200
const reprintMs = 60_000

export function createLiveView({ stream, speed, quiet }: LiveViewOptions): LiveView {
  if (quiet) return { line: () => {}, end: () => {} }
  const backends = new Map<string, string>()
  const isTty = stream.isTTY === true
  let phase: PhaseSoFar | null = null
  let drawnMs = Number.NEGATIVE_INFINITY
  let hasOpenLine = false

  const draw = (isLast: boolean) => {
    if (!phase) return
    const text = phaseText(phase, speed, backends)
    if (isTty) {
      const cut = isLast ? text : text.slice(0, (stream.columns ?? 80) - 1)
      stream.write(`\r\u001b[2K${cut}${isLast ? '\n' : ''}`)
      hasOpenLine = !isLast
    } else stream.write(`${text}\n`)
    drawnMs = phase.atMs
  }
  const note = (text: string) => {
    stream.write(`${hasOpenLine ? '\r\u001b[2K' : ''}${printable(text)}\n`)
    hasOpenLine = false
  }
  const onPhase = (line: PhaseLine) => {
    if (line.edge === 'end') {
      if (phase) phase.atMs = line.atMs
      draw(true)
      phase = null
      return
    }
    phase = newPhase(line)
    drawnMs = line.atMs
    note(`${line.name}: ${line.story}`)
  }
  const onState = (line: StateLine) => {
    const before = backends.get(line.subject)
    backends.set(line.subject, line.state)
    if (!isTty && before !== undefined && before !== line.state)
      note(`  ${clock(line.atMs)} ${line.subject} ${line.state}: ${line.because}`)
  }

  return {
    line(line) {
      if (line.type === 'phase') onPhase(line)
      else if (line.type === 'state') onState(line)
      else if (line.type === 'fault')
        note(`  ${clock(line.atMs)} fault ${line.edge}: ${line.name} on ${line.target}`)
      else if (line.type === 'doubt') note(`  doubt: ${line.reason}`)
      if (!phase) return
      if (line.type === 'window') addWindow(phase, line)
      else if (line.type === 'origin') phase.originBytes += line.bytes
      if (phase.atMs - drawnMs >= (isTty ? redrawMs : reprintMs)) draw(false)
    },
    end() {
      if (hasOpenLine) stream.write('\n')
      hasOpenLine = false
    },
  }
}

function newPhase(line: PhaseLine): PhaseSoFar {
  const none = () => ({ reads: 0, writes: 0 })
  return {
    name: line.name,
    ok: none(),
    failed: none(),
    responses: newHistogram(),
    originBytes: 0,
    atMs: line.atMs,
  }
}

function addWindow(phase: PhaseSoFar, line: WindowLine): void {
  phase.atMs = Math.max(phase.atMs, line.atMs + line.widthMs)
  const kind = line.population === 'upload' ? 'writes' : 'reads'
  for (const [outcome, arrivals] of Object.entries(line.byOutcome) as [Outcome, number][]) {
    phase[okOutcomes.has(outcome) ? 'ok' : 'failed'][kind] += arrivals
  }
  if (line.population === 'known' && line.responseUs) phase.responses.add(decodeHistogram(line.responseUs))
}

function phaseText(phase: PhaseSoFar, speed: number, backends: ReadonlyMap<string, string>): string {
  const states = [...backends].map(([subject, state]) => `${subject} ${state}`)
  return printable(
    [
      `  ${clock(phase.atMs)}${speed === 1 ? '' : ` calendar ${clock(phase.atMs * speed)}`} ${phase.name}`,
      `reads ${count(phase.ok.reads)} ok ${count(phase.failed.reads)} failed`,
      `p99 ${latency(quantileMs(phase.responses, 0.99))}`,
      `S3 ${bytes(phase.originBytes)}`,
      ...states,
    ].join(' · '),
  )
}
