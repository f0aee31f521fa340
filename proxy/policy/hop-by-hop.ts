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
  return withoutAt(headers, hopByHopAt(headers, others))
}

/** The list without the fields whose names stand at these places, which come in order. */
export function withoutAt(headers: HeaderList, places: readonly number[]): string[] {
  const kept: string[] = []
  let next = 0
  for (let i = 0; i < headers.length; i += 2) {
    if (places[next] === i) next++
    else kept.push(headers[i]!, headers[i + 1]!)
  }
  return kept
}

/** The places of the names that `endToEnd` drops, in order: mostly they are few. */
export function hopByHopAt(headers: HeaderList, others: Names = none): number[] {
  let dropped = others
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i]!
    if (name.length === 10 && name.toLowerCase() === 'connection')
      dropped = [...dropped, ...optionsOf(headers[i + 1]!)]
  }
  let lengths = hopByHopLengths
  for (const name of dropped) lengths |= 1 << name.length
  const places: number[] = []
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i]!
    if ((lengths & (1 << name.length)) === 0) continue
    if (isAmong(name, hopByHop) || isAmong(name, dropped)) places.push(i)
  }
  return places
}

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
