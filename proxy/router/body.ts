// Small helpers for bodies in pieces. Flow.
import type { Body } from '../object.ts'

/** Ends a body that nobody wants; what feeds it may fail while being thrown away, and nobody is left to tell. */
export async function discard(body: Body): Promise<void> {
  try {
    await body[Symbol.asyncIterator]().return?.()
  } catch {}
}
