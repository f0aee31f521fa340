// A timer for judging others' silence. Flow.
import type { Clock } from '../ports.ts'

/**
 * Runs `callback` once after `delayMs`, and after what had arrived by then was read: a process that was held up must
 * not take its own delay for a server's. The returned function cancels it.
 */
export function afterArrivals(clock: Clock, delayMs: number, callback: () => void): () => void {
  let cancel = clock.after(delayMs, () => {
    cancel = clock.after(0, callback)
  })
  return () => cancel()
}
