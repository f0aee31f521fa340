// Decides how long an answer of the origin may be served without asking again. Pure: time comes in as an argument.
import { type HeaderList, headerValue } from '../object.ts'
import { deltaMs, responseDirectives } from './cache-control.ts'

/**
 * `s3`: objects don't change under their key, so `valid` of the configuration decides alone.
 * `rfc9111`: the origin's Cache-Control and Expires decide; `valid` is for answers that state neither.
 */
export type Profile = 's3' | 'rfc9111'

/** `valid` of the configuration: how long answers with this status under this prefix of "bucket/key" stay fresh. */
export interface ValidRule {
  /** "" for every key. */
  readonly prefix: string
  readonly status: number
  readonly timeMs: number
}

/** Freshness lifetime in ms, counted from the time the answer had age 0; null: nothing says that it may be kept. */
export function freshForMs(
  profile: Profile,
  rules: readonly ValidRule[],
  base: string,
  status: number,
  headers: HeaderList,
): number | null {
  const byRule = validMs(rules, base, status)
  return profile === 's3' ? byRule : (explicitMs(headers) ?? byRule)
}

/** The longest matching prefix decides; of equal ones the first in the file. */
function validMs(rules: readonly ValidRule[], base: string, status: number): number | null {
  let best: ValidRule | null = null
  for (const rule of rules) {
    if (rule.status !== status || !base.startsWith(rule.prefix)) continue
    if (best === null || rule.prefix.length > best.prefix.length) best = rule
  }
  return best === null ? null : best.timeMs
}

/** RFC 9111 §4.2.1: s-maxage, then max-age, then Expires less Date. An Expires that can't be read is in the past. */
function explicitMs(headers: HeaderList): number | null {
  const found = responseDirectives(headers)
  if (found.has('no-cache')) return 0
  const stated = deltaMs(found, 's-maxage') ?? deltaMs(found, 'max-age')
  if (stated !== undefined) return stated
  const expires = headerValue(headers, 'expires')
  if (expires === undefined) return null
  const lifetimeMs = Date.parse(expires) - Date.parse(headerValue(headers, 'date') ?? '')
  return Number.isNaN(lifetimeMs) ? 0 : Math.max(0, lifetimeMs)
}

/** The Age that an answer came with, ms (§5.1). */
export function statedAgeMs(headers: HeaderList): number {
  const age = headerValue(headers, 'age')
  return age !== undefined && /^\d{1,10}$/.test(age) ? Number(age) * 1000 : 0
}
