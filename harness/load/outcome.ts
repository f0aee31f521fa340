// Says which outcome an exchange has: what the answer's own headers tell of its path, and whether its body is right.
import type { Outcome } from '../history/events.ts'
import type { Ending } from './connection.ts'
import type { ResponseHead } from './response-reader.ts'
import type { Witness } from './witness.ts'

export interface Judged {
  readonly outcome: Outcome
  /** Why it isn't ok; empty when it is. */
  readonly detail: string
}

/** `backups` are X-Backend names that mean failover. */
export function judge(
  ending: Ending,
  head: ResponseHead | null,
  witness: Witness,
  backups: ReadonlySet<string>,
): Judged {
  if (ending.kind === 'nonsense') return { outcome: 'corrupt', detail: ending.detail }
  if (ending.kind === 'starved') return { outcome: 'dropped', detail: ending.detail }
  if (ending.kind !== 'complete') return { outcome: ending.kind, detail: ending.detail }
  const { status } = head!
  if (status >= 500) return { outcome: 'http5xx', detail: `status ${status}` }
  if (status >= 400) return { outcome: 'http4xx', detail: `status ${status}` }
  if (status !== witness.status) return { outcome: 'corrupt', detail: `status ${status} for ${witness.what}` }
  return witness.wrong(head!) ?? { outcome: pathOf(head!, backups), detail: '' }
}

const byCacheStatus: Readonly<Record<string, Outcome>> = {
  HIT: 'hit',
  STALE: 'stale',
  UPDATING: 'stale',
  REVALIDATED: 'revalidated',
}

/** Evidence from headers only. No word of a cache and none of a backend means that S3 itself answered. */
function pathOf({ headers }: ResponseHead, backups: ReadonlySet<string>): Outcome {
  const backend = headers.get('x-backend')
  if (backend !== undefined && backups.has(backend)) return 'failover'
  const cacheStatus = headers.get('x-cache-status')
  if (cacheStatus !== undefined) return byCacheStatus[cacheStatus] ?? 'miss'
  return backend === undefined ? 'direct' : 'miss'
}
