// How S3 answers a conditional or partial read of an object it holds: RFC 9110 §13.2.2 and §14.2 with S3's own rules
// (one range only; several are ignored and the whole object comes). Pure.
import { type HeaderList, headerValue } from '../../proxy/object.ts'

export interface Validators {
  /** With its quotes. */
  readonly etag: string
  readonly lastModifiedMs: number
  readonly bytes: number
}

export type ReadPlan =
  | { readonly kind: 'whole' }
  /** Both inclusive. */
  | { readonly kind: 'part'; readonly first: number; readonly last: number }
  | { readonly kind: 'not-modified' }
  | { readonly kind: 'precondition-failed' }
  | { readonly kind: 'unsatisfiable' }

/** What a GET or HEAD with these headers gets of an object with these validators. */
export function planRead(headers: HeaderList, object: Validators): ReadPlan {
  const failed = failedPrecondition(headers, object)
  if (failed !== undefined) return { kind: failed }
  const range = headerValue(headers, 'range')
  if (range === undefined || !ifRangeHolds(headers, object)) return { kind: 'whole' }
  return planRange(range, object.bytes)
}

/** True when a read has anything to plan. */
export function isPlainRead(headers: HeaderList): boolean {
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i]!.toLowerCase()
    if (name === 'range' || name.startsWith('if-')) return false
  }
  return true
}

function failedPrecondition(
  headers: HeaderList,
  object: Validators,
): 'not-modified' | 'precondition-failed' | undefined {
  const ifMatch = headerValue(headers, 'if-match')
  if (ifMatch !== undefined) {
    if (!listMatches(ifMatch, object.etag)) return 'precondition-failed'
  } else if (isAfter(object, headerValue(headers, 'if-unmodified-since'))) return 'precondition-failed'

  const ifNoneMatch = headerValue(headers, 'if-none-match')
  if (ifNoneMatch !== undefined) return listMatches(ifNoneMatch, object.etag) ? 'not-modified' : undefined
  const since = parseDate(headerValue(headers, 'if-modified-since'))
  return since !== undefined && wholeSeconds(object) <= since ? 'not-modified' : undefined
}

/** An ETag among a list of them; S3 takes them without quotes too. */
function listMatches(list: string, etag: string): boolean {
  const bare = (text: string) => text.trim().replace(/^W\//, '').replaceAll('"', '')
  return list.split(',').some((candidate) => candidate.trim() === '*' || bare(candidate) === bare(etag))
}

function ifRangeHolds(headers: HeaderList, object: Validators): boolean {
  const ifRange = headerValue(headers, 'if-range')
  if (ifRange === undefined) return true
  if (ifRange.startsWith('"')) return ifRange === object.etag
  return parseDate(ifRange) === wholeSeconds(object)
}

function isAfter(object: Validators, date: string | undefined): boolean {
  const ms = parseDate(date)
  return ms !== undefined && wholeSeconds(object) > ms
}

/** HTTP dates have no fractions. */
function wholeSeconds({ lastModifiedMs }: Validators): number {
  return Math.floor(lastModifiedMs / 1000) * 1000
}

function parseDate(text: string | undefined): number | undefined {
  const ms = text === undefined ? Number.NaN : Date.parse(text)
  return Number.isNaN(ms) ? undefined : ms
}

function planRange(range: string, bytes: number): ReadPlan {
  const match = /^bytes=(\d*)-(\d*)$/.exec(range.replaceAll(' ', ''))
  if (match === null || (match[1] === '' && match[2] === '')) return { kind: 'whole' }
  if (match[1] === '') {
    const suffix = Math.min(Number(match[2]), bytes)
    return suffix === 0 ? { kind: 'unsatisfiable' } : { kind: 'part', first: bytes - suffix, last: bytes - 1 }
  }
  const first = Number(match[1])
  const last = match[2] === '' ? bytes - 1 : Math.min(Number(match[2]), bytes - 1)
  if (match[2] !== '' && first > Number(match[2])) return { kind: 'whole' }
  return first >= bytes ? { kind: 'unsatisfiable' } : { kind: 'part', first, last }
}
