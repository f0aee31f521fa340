// Live progress in a terminal, from history lines as they come: two lines for each phase are rewritten on a terminal; where
// there is none they are printed as one at the phase's end and once a minute, with every change of a backend.
import type {
  FaultLine,
  HistoryLine,
  OriginLine,
  PhaseLine,
  StateLine,
  WindowLine,
} from '../history/events.ts'
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

export function createLiveView({ stream, speed, quiet }: LiveViewOptions): LiveView {
  if (quiet) return { line: () => {}, end: () => {} }
  return new TerminalView(stream, speed)
}

interface PhaseSoFar {
  readonly name: string
  ok: number
  failed: number
  readonly responses: Histogram
  originBytes: number
  atMs: number
}

/** By the run's own clock: how often the lines are rewritten on a terminal, and how often they are printed elsewhere. */
const redrawMs = 200
const reprintMs = 60_000

/** Erases the line the cursor stands in, and the one above. */
const eraseTwoLines = '\r\u001b[2K\u001b[1A\u001b[2K'

class TerminalView implements LiveView {
  readonly #stream: LiveViewOptions['stream']
  readonly #speed: number
  readonly #backends = new Map<string, string>()
  #phase: PhaseSoFar | null = null
  #drawnMs = 0
  /** The cursor stands behind two lines that will be rewritten. */
  #isOpen = false

  constructor(stream: LiveViewOptions['stream'], speed: number) {
    this.#stream = stream
    this.#speed = speed
  }

  line(line: HistoryLine): void {
    if (line.type === 'phase') this.#onPhase(line)
    else if (line.type === 'state') this.#onState(line)
    else if (line.type === 'fault') this.#onFault(line)
    else if (line.type === 'doubt') this.#note(`  doubt: ${line.reason}`)
    else if (line.type === 'window' || line.type === 'origin') this.#onTraffic(line)
  }

  end(): void {
    if (this.#isOpen) this.#stream.write('\n')
    this.#isOpen = false
  }

  #onPhase(line: PhaseLine): void {
    if (line.edge === 'start') {
      this.#phase = newPhase(line)
      this.#drawnMs = line.atMs
      this.#note(`${line.name}: ${line.story}`)
    } else if (this.#phase) {
      this.#phase.atMs = line.atMs
      this.#draw(this.#phase, true)
      this.#phase = null
    }
  }

  /** On a terminal the phase's lines show the states anyway. */
  #onState({ subject, state, because, atMs }: StateLine): void {
    const before = this.#backends.get(subject)
    this.#backends.set(subject, state)
    if (this.#stream.isTTY || before === undefined || before === state) return
    this.#note(`  ${clock(atMs)} ${subject} ${state}${because && `: ${because}`}`)
  }

  #onFault({ name, target, edge, atMs }: FaultLine): void {
    this.#note(`  ${clock(atMs)} fault ${edge}: ${name} on ${target}`)
  }

  #onTraffic(line: WindowLine | OriginLine): void {
    const phase = this.#phase
    if (phase === null) return
    if (line.type === 'window') addWindow(phase, line)
    else phase.originBytes += line.bytes
    if (phase.atMs - this.#drawnMs >= (this.#stream.isTTY ? redrawMs : reprintMs)) this.#draw(phase, false)
  }

  #draw(phase: PhaseSoFar, isLast: boolean): void {
    const lines = phaseLines(phase, this.#speed, this.#backends)
    this.#drawnMs = phase.atMs
    if (!this.#stream.isTTY) {
      this.#stream.write(`${lines.join(' · ')}\n`)
      return
    }
    // Pseudo-terminals of some CI systems say 0.
    const room = (this.#stream.columns || 80) - 1
    const shown = lines.map((text) => text.slice(0, room - 2)).join('\n  ')
    this.#stream.write(`${this.#isOpen ? eraseTwoLines : ''}${shown}${isLast ? '\n' : ''}`)
    this.#isOpen = !isLast
  }

  #note(text: string): void {
    this.#stream.write(`${this.#isOpen ? eraseTwoLines : ''}${printable(text)}\n`)
    this.#isOpen = false
  }
}

function newPhase({ name, atMs }: PhaseLine): PhaseSoFar {
  return { name, ok: 0, failed: 0, responses: newHistogram(), originBytes: 0, atMs }
}

/** Uploads are no reads; their failures show in the report. */
function addWindow(phase: PhaseSoFar, line: WindowLine): void {
  phase.atMs = Math.max(phase.atMs, line.atMs + line.widthMs)
  if (line.population === 'upload') return
  for (const [outcome, arrivals] of Object.entries(line.byOutcome) as [Outcome, number][]) {
    phase[okOutcomes.has(outcome) ? 'ok' : 'failed'] += arrivals
  }
  if (line.population === 'known' && line.responseUs) phase.responses.add(decodeHistogram(line.responseUs))
}

/** How far the phase is, and what state things are in. */
function phaseLines(phase: PhaseSoFar, speed: number, backends: ReadonlyMap<string, string>): string[] {
  const calendar = speed === 1 ? '' : ` calendar ${clock(phase.atMs * speed)}`
  const reads = `reads ${count(phase.ok)} ok ${count(phase.failed)} failed`
  const states = [...backends].map(([subject, state]) => `${subject} ${state}`)
  const rest = [
    `p99 ${latency(quantileMs(phase.responses, 0.99))}`,
    `S3 ${bytes(phase.originBytes)}`,
    ...states,
  ]
  return [`  ${clock(phase.atMs)}${calendar} ${phase.name} · ${reads}`, rest.join(' · ')].map(printable)
}
