// Waiting that ends when the run must end: Ctrl-C, a part that died, a wait that goes far past its plan.
import { setTimeout as sleep } from 'node:timers/promises'

/** For work that hears of the end itself: what it began is best ended by itself. */
const unwindMs = 5000

/** The promise's result, or the signal's reason as soon as it is aborted, whichever comes first. */
export async function orStopped<T>(stopped: AbortSignal, work: Promise<T>): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>()
  const stop = () => reject(stopped.reason)
  if (stopped.aborted) stop()
  stopped.addEventListener('abort', stop)
  try {
    return await Promise.race([work, promise])
  } finally {
    stopped.removeEventListener('abort', stop)
  }
}

/** The same for work that hears of the signal too and ends by itself: it is given 5 s to do so, and then left alone. */
export async function orUnwound<T>(stopped: AbortSignal, work: Promise<T>): Promise<T> {
  try {
    return await orStopped(stopped, work)
  } finally {
    if (stopped.aborted) await Promise.race([work.catch(() => {}), sleep(unwindMs)])
  }
}
