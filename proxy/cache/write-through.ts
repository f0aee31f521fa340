// Passes writes on and keeps the cache from contradicting them: whatever a write may have changed is forgotten. Flow.
import type { ObjectName } from '../policy/key.ts'
import type { UpstreamAnswer } from './upstream.ts'

/** Forbids what was fetched up to now to be kept; with `forgetEntry` also drops what is stored. */
export type Fence = (name: ObjectName, forgetEntry: boolean) => void

/**
 * Sends a write. A fill that races it can't store the old body: it is fenced when the write begins and again when it
 * ends. The entry goes when the write succeeded, and also when nobody knows whether it did (timeout, reset).
 */
export async function writeThrough(
  name: ObjectName,
  send: () => Promise<UpstreamAnswer>,
  fence: Fence,
): Promise<UpstreamAnswer> {
  fence(name, false)
  try {
    const answer = await send()
    fence(name, mayHaveActed(answer.response.status))
    return answer
  } catch (error) {
    fence(name, true)
    throw error
  }
}

/** S3 refuses with 4xx before it acts; a 5xx leaves open whether it did. */
function mayHaveActed(status: number): boolean {
  return status < 400 || status >= 500
}
