// Decides what a client's conditions make of its request, from a stored object's validators, as S3 does
// (RFC 9110 §13.2.2; S3's GetObject on combined conditions). Pure.
import type { RequestFacts } from './request-facts.ts'

export type Precondition = 'proceed' | 'not-modified' | 'failed'

type Conditions = Pick<RequestFacts, 'ifMatch' | 'ifNoneMatch' | 'ifModifiedSince' | 'ifUnmodifiedSince'>

/** If-Match beats If-Unmodified-Since, and If-None-Match beats If-Modified-Since. Dates that can't be read are ignored. */
export function precondition(
  conditions: Conditions,
  etag: string | null,
  lastModified: string | undefined,
): Precondition {
  const { ifMatch, ifNoneMatch, ifModifiedSince, ifUnmodifiedSince } = conditions
  if (ifMatch !== undefined) {
    if (!listHas(ifMatch, etag, sameStrong)) return 'failed'
  } else if (ifUnmodifiedSince !== undefined && isAfter(lastModified, ifUnmodifiedSince)) {
    return 'failed'
  }
  if (ifNoneMatch !== undefined) return listHas(ifNoneMatch, etag, sameWeak) ? 'not-modified' : 'proceed'
  if (ifModifiedSince !== undefined && isNotAfter(lastModified, ifModifiedSince)) return 'not-modified'
  return 'proceed'
}

function listHas(list: string, etag: string | null, same: (a: string, b: string) => boolean): boolean {
  if (list.trim() === '*') return true
  if (etag === null) return false
  // S3's clients also send ETags without quotes.
  return (list.match(/(?:W\/)?"[^"]*"|[^\s,"]+/g) ?? []).some((candidate) => same(quoted(candidate), etag))
}

function quoted(etag: string): string {
  return etag.endsWith('"') ? etag : `"${etag}"`
}

function sameStrong(a: string, b: string): boolean {
  return a === b && !a.startsWith('W/')
}

function sameWeak(a: string, b: string): boolean {
  return a.replace(/^W\//, '') === b.replace(/^W\//, '')
}

function isAfter(lastModified: string | undefined, date: string): boolean {
  return Date.parse(lastModified ?? '') > Date.parse(date)
}

function isNotAfter(lastModified: string | undefined, date: string): boolean {
  return Date.parse(lastModified ?? '') <= Date.parse(date)
}
