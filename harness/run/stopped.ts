// Waiting that ends when the run must end: Ctrl-C, a part that died.

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
