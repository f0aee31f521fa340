// Bounds how long a client waits. Flow.
import { ProxyError } from '../errors.ts'
import type { Clock } from '../ports.ts'

/** `promise`, or a ProxyError `deadline` after `ms`. What lies behind the promise goes on. */
export function within<T>(clock: Clock, ms: number, promise: Promise<T>): Promise<T> {
  const { promise: result, resolve, reject } = Promise.withResolvers<T>()
  const cancel = clock.after(Math.max(0, ms), () => reject(tooLate()))
  promise.then(resolve, reject).finally(cancel)
  return result
}

export function tooLate(): ProxyError {
  return new ProxyError('the origin did not answer within the deadline', {
    code: 'deadline',
    source: 'origin',
  })
}
