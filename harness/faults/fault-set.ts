// The faults in force in a run: applies what the next phase adds, then heals what it no longer names, and records both.
import type { HistoryLine } from '../history/events.ts'
import type { UndoStack } from '../run/undo.ts'
import type { Fault } from './fault.ts'

/** Changes from one set of faults to the next without a gap between them. */
export class FaultSet {
  readonly #active = new Set<Fault>()
  readonly #undo: UndoStack
  readonly #emit: (line: HistoryLine) => void
  readonly #nowMs: () => number

  constructor(undo: UndoStack, emit: (line: HistoryLine) => void, nowMs: () => number) {
    this.#undo = undo
    this.#emit = emit
    this.#nowMs = nowMs
  }

  /** Resolves when exactly `wanted` is in force. New ones come first, so that an outage made of stretches has no gap. */
  async change(wanted: readonly Fault[]): Promise<void> {
    for (const fault of wanted) if (!this.#active.has(fault)) await this.#apply(fault)
    for (const fault of [...this.#active].filter((active) => !wanted.includes(active)))
      await this.#heal(fault)
  }

  async #apply(fault: Fault): Promise<void> {
    const about = aboutOf(fault)
    const { name, target } = about
    this.#active.add(fault)
    this.#undo.add(`heal ${name} on ${target}`, () => this.#heal(fault))
    // Told before: it acts, and may be noticed, while it is being applied.
    this.#emit({ type: 'fault', ...about, edge: 'applied', atMs: this.#nowMs() })
    await fault.apply()
  }

  /**
   * Resolves when it is healed, also when somebody else is at it: whoever undoes the run must not go on before. What could
   * not be healed is still in force, and tried again on the way out.
   */
  async #heal(fault: Fault): Promise<void> {
    const isFirst = this.#active.delete(fault)
    const touched = await fault.heal().catch((error) => {
      if (isFirst) this.#active.add(fault)
      throw error
    })
    if (isFirst)
      this.#emit({ type: 'fault', ...aboutOf(fault), edge: 'healed', atMs: this.#nowMs(), touched })
  }
}

function aboutOf({ name, target, drawn }: Fault) {
  return { name, target, ...(drawn && { drawn }) }
}
