// Removes the headers that concern one connection only (RFC 9110 §7.6.1). Pure.
import type { HeaderList } from '../object.ts'

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
const hopByHopLengths = hopByHop.reduce((lengths, name) => lengths | (1 << name.length), 0)
const none: readonly string[] = []

/** In lower case. */
type Names = readonly string[] | ReadonlySet<string>

/** End-to-end headers only, order and case kept; also drops what Connection names, and `others` (lower-case). */
export function endToEnd(headers: HeaderList, others: Names = none): string[] {
  let dropped = others
  for (let i = 0; i < headers.length; i += 2) {
    if (isAmong(headers[i]!, connectionOnly)) dropped = [...dropped, ...optionsOf(headers[i + 1]!)]
  }
  let lengths = hopByHopLengths
  for (const name of dropped) lengths |= 1 << name.length
  const kept: string[] = []
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i]!
    const isDropped =
      (lengths & (1 << name.length)) !== 0 && (isAmong(name, hopByHop) || isAmong(name, dropped))
    if (!isDropped) kept.push(name, headers[i + 1]!)
  }
  return kept
}

const connectionOnly = ['connection'] as const

function optionsOf(connection: string): string[] {
  return connection.split(',').map((name) => name.trim().toLowerCase())
}

/** Every request passes here, twice: their lengths (also as bits, modulo 32) tell most names apart without more. */
function isAmong(name: string, lowerNames: Names): boolean {
  for (const lower of lowerNames) {
    if (lower.length === name.length && lower === name.toLowerCase()) return true
  }
  return false
}
