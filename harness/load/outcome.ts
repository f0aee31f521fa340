// Says which outcome an exchange has: what the answer's own headers tell of its path, and whether its body is right.
import type { Outcome } from '../history/events.ts'
import type { Ending } from './connection.ts'
import type { ResponseHead } from './response-reader.ts'

/** What arrived of a body, and what should have. */
export interface BodyCheck {
  readonly expectedBytes: number
  readonly expectedSha256: string
  readonly bytes: number
  readonly sha256: string
}

export interface Judged {
  readonly outcome: Outcome
  /** Why it isn't ok; empty when it is. */
  readonly detail: string
}

/** `body` is null for uploads, whose answer has no body to compare. `backups` are X-Backend names that mean failover. */
export function judge(
  ending: Ending,
  head: ResponseHead | null,
  body: BodyCheck | null,
  backups: ReadonlySet<string>,
): Judged {
  if (ending.kind === 'nonsense') return { outcome: 'corrupt', detail: ending.detail }
  if (ending.kind === 'starved') return { outcome: 'dropped', detail: ending.detail }
  if (ending.kind !== 'complete') return { outcome: ending.kind, detail: ending.detail }
  const { status } = head!
  if (status >= 500) return { outcome: 'http5xx', detail: `status ${status}` }
  if (status >= 400) return { outcome: 'http4xx', detail: `status ${status}` }
  if (status !== 200) return { outcome: 'corrupt', detail: `status ${status} for a whole object` }
  const wrong = body === null ? null : wrongBody(body)
  return wrong ?? { outcome: pathOf(head!, backups), detail: '' }
}

function wrongBody(body: BodyCheck): Judged | null {
  const { bytes, expectedBytes } = body
  if (bytes < expectedBytes)
    return { outcome: 'truncated', detail: `${bytes} of ${expectedBytes} bytes, ended cleanly` }
  if (bytes > expectedBytes)
    return { outcome: 'corrupt', detail: `${bytes} bytes instead of ${expectedBytes}` }
  if (body.sha256 !== body.expectedSha256)
    return { outcome: 'corrupt', detail: `the right length, but SHA-256 ${body.sha256}` }
  return null
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
