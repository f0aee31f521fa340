// Remembers how to undo what a run has done, and does so on every way out: pass, fail, throw, Ctrl-C.
import { messageOf } from '../errors.ts'

const stepDeadlineMs = 20_000

interface Step {
  readonly what: string
  readonly action: () => Promise<unknown>
}

/** A stack of undo steps. Register a step before the act that it undoes. */
export class UndoStack {
  readonly #steps: Step[] = []
  #current: Step | null = null
  #running: Promise<readonly string[]> | null = null

  /** Once the steps are being run it is too late: the action is taken at once, and this throws, so that nothing begins. */
  add(what: string, action: () => Promise<unknown>): void {
    if (this.#running !== null) {
      void action().catch(() => {})
      throw new Error(`the run has ended; too late to begin what it would have to undo: ${what}`)
    }
    this.#steps.push({ what, action })
  }

  /** What is still to do, in words, the step under way included. */
  get pending(): readonly string[] {
    return [...this.#steps, ...(this.#current ? [this.#current] : [])].map(({ what }) => what).reverse()
  }

  /** How long the steps may take together, ms. */
  get longestMs(): number {
    return this.#steps.length * stepDeadlineMs
  }

  /** Runs every step, last first, whatever the others do. Resolves with a line for each that failed. Runs once. */
  run(): Promise<readonly string[]> {
    this.#running ??= this.#runAll()
    return this.#running
  }

  async #runAll(): Promise<readonly string[]> {
    const failed: string[] = []
    for (let step = this.#steps.pop(); step; step = this.#steps.pop()) {
      this.#current = step
      const problem = await attempt(step)
      this.#current = null
      if (problem) failed.push(problem)
    }
    return failed
  }
}

async function attempt({ what, action }: Step): Promise<string | null> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`not done after ${stepDeadlineMs / 1000} s`)), stepDeadlineMs)
  })
  try {
    await Promise.race([action(), late])
    return null
  } catch (error) {
    return `could not ${what}: ${messageOf(error)}`
  } finally {
    clearTimeout(timer)
  }
}
