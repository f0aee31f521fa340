// A run's limit of its own: notices when it waits for one thing far longer than that was planned to take, so that nothing
// that never comes can keep a run, and whoever waits for it, for ever.

/** How far past its plan anything may go. */
export interface Patience {
  readonly times: number
  readonly plusMs: number
  /** How often it is looked at. */
  readonly tickMs: number
}

const usual: Patience = { times: 3, plusMs: 120_000, tickMs: 1000 }

/**
 * Of the time between two looks, the part that counts: while the machine sleeps, or gives this process no turn, nothing
 * could have come.
 */
export function countedMs(betweenMs: number, tickMs: number): number {
  return Math.min(betweenMs, 2 * tickMs)
}

/** Watches one wait after another until it is stopped. */
export class RunLimit {
  readonly #onOverrun: (reason: string) => void
  readonly #patience: Patience
  readonly #timer: NodeJS.Timeout
  #lookedAtMs = performance.now()
  #what = 'the run to begin'
  #plannedMs = 0
  #spentMs = 0
  #isOver = false

  /** `onOverrun` gets a sentence that names what was waited for, once for each wait that goes too far. */
  constructor(onOverrun: (reason: string) => void, patience: Patience = usual) {
    this.#onOverrun = onOverrun
    this.#patience = patience
    // Not unref'd: a run whose last handle is gone waits for nothing that could come, and must end with a word, too.
    this.#timer = setInterval(() => this.#look(), patience.tickMs)
  }

  /** From now on the run waits for this, which is planned to take so long. */
  awaits(what: string, plannedMs = 0): void {
    this.#what = what
    this.#plannedMs = plannedMs
    this.#spentMs = 0
    this.#isOver = false
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  #look(): void {
    const nowMs = performance.now()
    this.#spentMs += countedMs(nowMs - this.#lookedAtMs, this.#patience.tickMs)
    this.#lookedAtMs = nowMs
    const { times, plusMs } = this.#patience
    if (this.#isOver || this.#spentMs <= times * this.#plannedMs + plusMs) return
    this.#isOver = true
    const planned = this.#plannedMs > 0 ? `, which was to take ${seconds(this.#plannedMs)}` : ''
    this.#onOverrun(`the run was ended: for ${seconds(this.#spentMs)} it waited for ${this.#what}${planned}`)
  }
}

function seconds(ms: number): string {
  return `${Math.round(ms / 1000)} s`
}
