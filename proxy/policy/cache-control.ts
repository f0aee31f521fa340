// Reads Cache-Control on either side (RFC 9111 §5.2) for the rfc9111 profile. Pure.
import { type HeaderList, headerValue, headerValues } from '../object.ts'

export type Directives = ReadonlyMap<string, string | null>

/** Lower-case names; values without their quotes. */
export function directives(value: string): Directives {
  const found = new Map<string, string | null>()
  for (const [, name, quoted, plain] of value.matchAll(/([^\s,;=]+)(?:\s*=\s*(?:"([^"]*)"|([^\s,;]*)))?/g)) {
    found.set(name!.toLowerCase(), quoted ?? plain ?? null)
  }
  return found
}

export function responseDirectives(headers: HeaderList): Directives {
  return directives(headerValues(headers, 'cache-control').join(','))
}

/** Delta-seconds as ms; undefined when absent. What is no number counts as 0, stale at once (§4.2.1). */
export function deltaMs(found: Directives, name: string): number | undefined {
  const value = found.get(name)
  if (value === undefined) return undefined
  return value !== null && /^\d+$/.test(value) ? Math.min(Number(value), 2 ** 31) * 1000 : 0
}

/** What a client's Cache-Control asks of the cache (§5.2.1). */
export interface RequestDemands {
  readonly noStore: boolean
  readonly noCache: boolean
  readonly onlyIfCached: boolean
  readonly maxAgeMs: number
  readonly minFreshMs: number
  readonly maxStaleMs: number | null
}

export function requestDemands(cacheControl: string | undefined, pragma: string | undefined): RequestDemands {
  const found = directives(cacheControl ?? '')
  const staleMs = found.get('max-stale') === null ? Number.POSITIVE_INFINITY : deltaMs(found, 'max-stale')
  return {
    noStore: found.has('no-store'),
    noCache: found.has('no-cache') || (cacheControl === undefined && /no-cache/i.test(pragma ?? '')),
    onlyIfCached: found.has('only-if-cached'),
    maxAgeMs: deltaMs(found, 'max-age') ?? Number.POSITIVE_INFINITY,
    minFreshMs: deltaMs(found, 'min-fresh') ?? 0,
    maxStaleMs: staleMs ?? null,
  }
}

/** How long past its freshness an entry may serve (§4.2.4, RFC 5861). */
export interface StaleLimits {
  /** Never without asking. */
  readonly forbidden: boolean
  readonly whileRevalidateMs: number
}

export function staleLimits(headers: HeaderList): StaleLimits {
  if (headerValue(headers, 'cache-control') === undefined) return { forbidden: false, whileRevalidateMs: 0 }
  const found = responseDirectives(headers)
  const forbidden = ['must-revalidate', 'proxy-revalidate', 's-maxage', 'no-cache'].some((name) =>
    found.has(name),
  )
  return { forbidden, whileRevalidateMs: deltaMs(found, 'stale-while-revalidate') ?? 0 }
}
