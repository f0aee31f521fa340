// What a 304 makes of a stored entry: fresh again, under the newer headers (RFC 9111 §4.3.4). Flow, but free of ports.
import type { EntryMeta, HeaderList } from '../object.ts'
import { ownHeaders } from '../policy/cache-status.ts'
import { statedAgeMs } from '../policy/freshness.ts'
import { endToEnd } from '../policy/hop-by-hop.ts'
import type { RequestFacts } from '../policy/request-facts.ts'
import { updatedHeaders } from '../policy/revalidation.ts'
import { type StorableRules, storable } from '../policy/storable.ts'

/** Not kept with an entry: one answer's identity, its age, and what this proxy says itself. */
const droppedFromEntries: readonly string[] = ['x-amz-request-id', 'x-amz-id-2', 'age', ...ownHeaders]

export function keptHeaders(headers: HeaderList): string[] {
  return endToEnd(headers, droppedFromEntries)
}

export interface Renewal {
  readonly base: string
  readonly facts: RequestFacts
}

/** `wallMs`: when the answer came. An entry that may no longer be kept by its new headers is stale at once. */
export function renewed(
  meta: EntryMeta,
  confirmation: HeaderList,
  object: Renewal,
  rules: StorableRules,
  wallMs: number,
): EntryMeta {
  const headers = updatedHeaders(meta.headers, keptHeaders(confirmation))
  const decision = storable(meta.status, headers, object.base, object.facts, rules)
  return { ...meta, headers, ...lifetime(confirmation, decision.store ? decision.freshForMs : 0, wallMs) }
}

export function lifetime(
  headers: HeaderList,
  freshForMs: number,
  wallMs: number,
): Pick<EntryMeta, 'validatedAtMs' | 'freshUntilMs'> {
  const validatedAtMs = wallMs - statedAgeMs(headers)
  return { validatedAtMs, freshUntilMs: validatedAtMs + freshForMs }
}
