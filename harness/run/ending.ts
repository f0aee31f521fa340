// How a run comes to be ended before its story is told: by Ctrl-C and its kin, by trouble with what it runs on, or
// because it waits without end. Everything is undone then; Ctrl-C once more, or a clean-up that hangs, ends it at once.
import { exitCodes } from '../errors.ts'
import { exitSurely } from '../systems/process-group.ts'
import { type Patience, RunLimit } from './limit.ts'
import type { UndoStack } from './undo.ts'

/** The same Ctrl-C may come twice: from the terminal, and passed on by npm. */
const sameSignalMs = 1000

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/** The run can't be judged at all, or must stop early; ends it with verdict `unknown`. */
export class RunStopped extends Error {
  constructor(reason: string) {
    super(reason)
    this.name = 'RunStopped'
  }
}

/** Owns the signal that everything in a run listens to. Disposing of it gives the process's signals back. */
export class RunEnding implements Disposable {
  readonly limit: RunLimit
  readonly #undo: UndoStack
  readonly #stop = new AbortController()
  #interruptedAtMs: number | null = null
  #isClosing = false

  constructor(undo: UndoStack, patience?: Patience) {
    this.#undo = undo
    this.limit = new RunLimit((reason) => this.#onOverrun(reason), patience)
    for (const signal of signals) process.on(signal, this.#onSignal)
  }

  /** Aborted, with a RunStopped, when the story must end. */
  get signal(): AbortSignal {
    return this.#stop.signal
  }

  get interrupted(): boolean {
    return this.#interruptedAtMs !== null
  }

  /** Ends the story; later reasons change nothing. */
  readonly stop = (reason: string): void => this.#stop.abort(new RunStopped(reason))

  /** The story is over: from now on a wait without end can only be ended by ending the process. */
  close(): void {
    this.#isClosing = true
    this.limit.awaits('everything to be undone', this.#undo.longestMs)
  }

  [Symbol.dispose](): void {
    this.limit.stop()
    for (const signal of signals) process.off(signal, this.#onSignal)
  }

  readonly #onSignal = (signal: NodeJS.Signals): void => {
    const nowMs = performance.now()
    if (signal === 'SIGINT' && nowMs - (this.#interruptedAtMs ?? nowMs) > sameSignalMs)
      this.#endAtOnce('ended at once by a second Ctrl-C', exitCodes.interrupted)
    if (this.interrupted) return
    console.error(`\n${signal}: undoing everything … (Ctrl-C once more ends it at once)`)
    this.#interruptedAtMs = nowMs
    this.stop(`interrupted by ${signal}`)
  }

  #onOverrun(reason: string): void {
    if (this.#isClosing) this.#endAtOnce(reason, exitCodes.crash)
    console.error(`breakwater: ${reason}`)
    this.stop(reason)
  }

  /** Nothing more is undone. The processes that this one started end with it all the same. */
  #endAtOnce(why: string, exitCode: number): never {
    const { pending } = this.#undo
    console.error(`breakwater: ${why}${pending.length > 0 ? `; not done: ${pending.join(', ')}` : ''}`)
    exitSurely(exitCode)
  }
}
