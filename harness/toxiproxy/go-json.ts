// JSON as Go's encoding/json reads and writes it, because clients see it: keys match in any case, integers are
// integers as written, only the first value of a text counts, and the errors have Go's words.

/** A number with its text: Go takes neither 1.0 nor 1e3 for an integer. */
export class GoNumber {
  readonly text: string

  constructor(text: string) {
    this.text = text
  }
}

/** Parses the first JSON value of a text; throws an Error with Go's words. */
export function parseGoJson(text: string): unknown {
  try {
    return JSON.parse(text, keepNumber)
  } catch (error) {
    const { message } = error as SyntaxError
    const at = Number(/at position (\d+)/.exec(message)?.[1] ?? Number.NaN)
    if (/^Unexpected non-whitespace character after JSON/.test(message)) return parseGoJson(text.slice(0, at))
    throw new Error(goSyntaxError(text, message))
  }
}

function keepNumber(_key: string, value: unknown, context?: { source?: string }): unknown {
  return typeof value === 'number' ? new GoNumber(context!.source!) : value
}

/** Node's words for what is wrong with a JSON text, and Go's. */
const syntaxErrors: readonly [RegExp, string][] = [
  [/^Expected property name/, 'looking for beginning of object key string'],
  [/^Expected double-quoted property name/, 'looking for beginning of object key string'],
  [/^Expected ':'/, 'after object key'],
  [/^Expected ',' or '}'/, 'after object key:value pair'],
  [/^Expected ',' or ']'/, 'after array element'],
  [/^Bad control character/, 'in string literal'],
  [/^Bad escaped character/, 'in string escape code'],
  [/^Bad Unicode escape/, 'in \\u hexadecimal character escape'],
  [/^No number after minus sign/, 'in numeric literal'],
  [/^Unterminated fractional number/, 'after decimal point in numeric literal'],
  [/^Exponent part is missing/, 'in exponent of numeric literal'],
]

function goSyntaxError(text: string, message: string): string {
  if (text.trim() === '') return 'EOF'
  const at = positionOf(text, message)
  if (at === undefined) return 'unexpected EOF'
  const literal = literalAround(text, at)
  if (literal !== undefined) return literal
  const where = syntaxErrors.find(([pattern]) => pattern.test(message))?.[1]
  return `invalid character ${quoted(text[at]!)} ${where ?? 'looking for beginning of value'}`
}

/** Where the offending character stands; undefined when the text just ended too early. */
function positionOf(text: string, message: string): number | undefined {
  if (/end of JSON input|^Unterminated string/.test(message)) return undefined
  const given = /at position (\d+)/.exec(message)?.[1]
  const token = /^Unexpected token '(.)'/su.exec(message)?.[1]
  const at = given === undefined ? (token === undefined ? -1 : text.indexOf(token)) : Number(given)
  return at >= 0 && at < text.length ? at : undefined
}

/** Go's words when the text goes wrong, or ends, within true, false or null. */
function literalAround(text: string, at: number): string | undefined {
  const start = /[a-z]*$/.exec(text.slice(0, at))!.index
  const literal = ['true', 'false', 'null'].find((word) => word[0] === text[start])
  if (literal === undefined || start === at) return undefined
  const expected = literal[at - start]
  return expected && `invalid character ${quoted(text[at]!)} in literal ${literal} (expecting '${expected}')`
}

function quoted(character: string): string {
  if (character === "'") return "'\\''"
  if (character === '"') return `'"'`
  return `'${JSON.stringify(character).slice(1, -1)}'`
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
  return whole >= -int64Limit && whole < int64Limit ? Number(whole) : undefined
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
