// The check that a body has the length it claims, which every writer makes before it commits.
import { ProxyError } from '../../errors.ts'

/** Null when the lengths agree, else the error with which to refuse the commit. */
export function lengthError(key: string, expectedBytes: number, writtenBytes: number): ProxyError | null {
  if (writtenBytes === expectedBytes) return null
  const code = writtenBytes < expectedBytes ? 'truncated' : 'overlong'
  const message = `the body of ${key} has ${writtenBytes} bytes where ${expectedBytes} were announced`
  return new ProxyError(message, { code, source: 'origin' })
}
