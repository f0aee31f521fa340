// The clock of the live system: Node's monotonic time, the wall clock, and timers.
import type { Clock, Random } from '../ports.ts'

/** The machine's own time. Timers don't keep the process alive: servers do. */
export const nodeClock: Clock = {
  monotonicMs: () => performance.now(),
  wallMs: () => Date.now(),
  after(delayMs, callback) {
    // What is overdue is due now; Node warns of negative times.
    const timer = setTimeout(callback, Math.max(0, delayMs))
    timer.unref()
    return () => clearTimeout(timer)
  },
}

/** Node's own pseudo-random numbers. */
export const nodeRandom: Random = { next: () => Math.random() }
