// JSON as Go's encoding/json reads and writes it, because clients see it: keys match in any case, integers are
// integers as written, only the first value of a text counts, and the errors have Go's words.

import { endOfValue } from './go-scan.ts'

/** A number with its text: Go takes neither 1.0 nor 1e3 for an integer. */
export class GoNumber {
  readonly text: string

  constructor(text: string) {
    this.text = text
  }
}

/** Parses the first JSON value of a body; throws an Error with Go's words. */
export function parseGoJson(body: Buffer): unknown {
  const bytes = body.toString('latin1')
  return JSON.parse(body.subarray(0, endOfValue(bytes)).toString(), keepNumber)
}

/** Text that Unicode can't have is replaced by U+FFFD, as in Go. */
function keepNumber(_key: string, value: unknown, context?: { source?: string }): unknown {
  if (typeof value === 'string') return value.toWellFormed()
  return typeof value === 'number' ? new GoNumber(context!.source!) : value
}

/** Go's name for what a JSON value is. */
export function goKind(value: unknown): string {
  if (value instanceof GoNumber) return 'number'
  if (Array.isArray(value)) return 'array'
  return typeof value === 'boolean' ? 'bool' : typeof value
}

/** The error for a value of the wrong type. */
export function cannotUnmarshal(value: unknown, into: string): Error {
  return new Error(`json: cannot unmarshal ${goKind(value)} into Go ${into}`)
}

/** The members of an object by lower-case name, a later one winning; null counts as an empty object. */
export function members(value: unknown, into: string): Map<string, unknown> {
  if (value === null || value === undefined) return new Map()
  if (goKind(value) !== 'object') throw cannotUnmarshal(value, into)
  return new Map(Object.entries(value).map(([key, member]) => [key.toLowerCase(), member]))
}

/** Types that a member of an object can have. */
interface GoTypes {
  string: string
  bool: boolean
  int: number
  int64: number
  float32: number
}

/** Reads one member as the type; absent and null leave `fallback`. `owner` names the Go struct in the error. */
export function member<T extends keyof GoTypes>(
  from: ReadonlyMap<string, unknown>,
  name: string,
  type: T,
  fallback: GoTypes[T],
  owner: string,
): GoTypes[T] {
  const value = from.get(name)
  if (value === undefined || value === null) return fallback
  const into = `struct field ${owner}.${name} of type ${type}`
  if (!(value instanceof GoNumber)) {
    if (goKind(value) !== type) throw cannotUnmarshal(value, into)
    return value as GoTypes[T]
  }
  const number = readNumber(value.text, type)
  if (typeof number === 'number') return number as GoTypes[T]
  throw type === 'string' || type === 'bool'
    ? cannotUnmarshal(value, into)
    : new Error(`json: cannot unmarshal number ${value.text} into Go ${into}`)
}

const int64Limit = 2n ** 63n

function readNumber(text: string, type: keyof GoTypes): number | undefined {
  if (type === 'float32') {
    const rounded = Math.fround(Number(text))
    return Number.isFinite(rounded) ? rounded : undefined
  }
  if (type === 'string' || type === 'bool' || !/^-?\d+$/.test(text)) return undefined
  const whole = BigInt(text)
  return whole >= -int64Limit && whole < int64Limit ? safeNumber(whole) : undefined
}

/** The nearest whole number that stays itself through JavaScript: 285,000 years of ms, 9 PB. */
function safeNumber(whole: bigint): number {
  return Math.max(Number.MIN_SAFE_INTEGER, Math.min(Number(whole), Number.MAX_SAFE_INTEGER))
}

/** The shortest decimal that a float32 reads back from, as Go prints it: 0.2 and not 0.20000000298023224. */
export function shortestFloat32(value: number): number {
  for (let digits = 1; digits < 9; digits++) {
    const short = Number(value.toPrecision(digits))
    if (Math.fround(short) === value) return short
  }
  return value
}

const escapes: Record<string, string> = {
  '<': '\\u003c',
  '>': '\\u003e',
  '&': '\\u0026',
  '\u2028': '\\u2028',
  '\u2029': '\\u2029',
}

/** JSON with the escapes that Go adds for HTML's sake. */
export function goJson(value: unknown): string {
  return JSON.stringify(value).replace(/[<>&\u2028\u2029]/g, (character) => escapes[character]!)
}
