// What an origin's answer makes of an entry: a new one of a 200, a fresh one of a 304. Flow, but free of ports.
import type { EntryMeta, HeaderList } from '../object.ts'
import { ownHeaders } from '../policy/cache-status.ts'
import { type Profile, statedAgeMs } from '../policy/freshness.ts'
import { endToEnd } from '../policy/hop-by-hop.ts'
import type { RequestFacts } from '../policy/request-facts.ts'
import { strongEtag, updatedHeaders } from '../policy/revalidation.ts'
import { type Storable, type StorableRules, storable } from '../policy/storable.ts'
import { selecting } from '../policy/vary.ts'

/** Not kept with an entry: one answer's identity, its age, and what this proxy says itself. */
const droppedFromEntries: readonly string[] = ['x-amz-request-id', 'x-amz-id-2', 'age', ...ownHeaders]

function keptHeaders(headers: HeaderList): string[] {
  return endToEnd(headers, droppedFromEntries)
}

export interface Renewal {
  readonly base: string
  readonly facts: RequestFacts
}

/** What is known of the body that is about to be stored. `wallMs`: when the answer came. */
export function newEntry(
  request: { readonly requestHeaders: HeaderList; readonly unsigned: boolean },
  response: { readonly status: number; readonly headers: HeaderList },
  decision: Storable & { readonly store: true },
  profile: Profile,
  generation: string | undefined,
  wallMs: number,
): EntryMeta {
  const { status, headers } = response
  const varies = profile === 'rfc9111' ? selecting(headers, request.requestHeaders) : undefined
  return {
    status,
    headers: keptHeaders(headers),
    bodyBytes: decision.bodyBytes ?? 0,
    etag: strongEtag(headers),
    ...lifetime(headers, decision.freshForMs, wallMs),
    isPublic: request.unsigned && status === 200,
    ...(varies && { selecting: varies }),
    ...(generation !== undefined && { generation }),
  }
}

/** RFC 9111 §4.3.4: fresh again, under the newer headers. An entry that may no longer be kept by its new headers is stale at once. */
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

function lifetime(
  headers: HeaderList,
  freshForMs: number,
  wallMs: number,
): Pick<EntryMeta, 'validatedAtMs' | 'freshUntilMs'> {
  const validatedAtMs = wallMs - statedAgeMs(headers)
  return { validatedAtMs, freshUntilMs: validatedAtMs + freshForMs }
}
