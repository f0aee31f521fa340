// Removes the headers that concern one connection only (RFC 9110 §7.6.1). Pure.
import { type HeaderList, headerValues, withoutHeaders } from '../object.ts'

const hopByHop = [
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]
const always: ReadonlySet<string> = new Set(hopByHop)

/** End-to-end headers only, order and case kept; also drops what Connection names, and `others` (lower-case). */
export function endToEnd(headers: HeaderList, others: Iterable<string> = []): string[] {
  const named = headerValues(headers, 'connection')
    .flatMap((value) => value.split(','))
    .map((name) => name.trim().toLowerCase())
  const drop = new Set([...always, ...named, ...others])
  return withoutHeaders(headers, drop)
}
