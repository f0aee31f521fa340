// The strict, fast parser for plain GET and HEAD heads. It knows bytes only. It accepts a subset of what Node's own
// parser accepts; whatever it does not accept at sight is left to that parser (`other`), never refused here.
import type { HeaderList } from '../object.ts'

export interface ParsedHead {
  readonly kind: 'request'
  readonly method: 'GET' | 'HEAD'
  readonly target: string
  readonly headers: HeaderList
  /** False when the client said `Connection: close`. */
  readonly keepAlive: boolean
  /** Offset of the first byte after the head. */
  readonly end: number
}

export type ParseResult = ParsedHead | { readonly kind: 'incomplete' } | { readonly kind: 'other' }

const incomplete: ParseResult = { kind: 'incomplete' }
const other: ParseResult = { kind: 'other' }

/** Classes of bytes, by bit: 1 a token (RFC 9110 §5.6.2), 2 a target, 4 a field value, 8 a host's name, 16 a digit. */
const TOKEN = 1
const TARGET = 2
const VALUE = 4
const HOST = 8
const DIGIT = 16
const classes = new Uint8Array(256)
for (let byte = 0; byte < 256; byte++) {
  const char = String.fromCharCode(byte)
  if (/[!#$%&'*+.^_`|~0-9A-Za-z-]/.test(char)) classes[byte]! |= TOKEN
  if (byte > 0x20 && byte < 0x7f && char !== '#') classes[byte]! |= TARGET
  if (byte === 0x09 || (byte >= 0x20 && byte !== 0x7f)) classes[byte]! |= VALUE
  if (/[A-Za-z0-9.-]/.test(char)) classes[byte]! |= HOST
  if (/[0-9]/.test(char)) classes[byte]! |= DIGIT
}

const CR = 0x0d
const LF = 0x0a
const COLON = 0x3a
const SLASH = 0x2f
const versionAndEnd = ' HTTP/1.1\r\n'

/** Names that change how a message is framed or what the connection becomes: the full parser's business. */
const notPlain = new Set(['content-length', 'transfer-encoding', 'upgrade', 'expect', 'te', 'trailer'])
const notPlainLengths = new Set([...notPlain].map((name) => name.length))

/**
 * Parses the request head that starts at `start`.
 * `incomplete`: all bytes so far could begin such a head. `other`: let Node's parser decide.
 */
export function parseHead(bytes: Buffer, start: number, maxHeaders: number): ParseResult {
  const blank = bytes.indexOf('\r\n\r\n', start)
  const text = bytes.toString('latin1', start, blank === -1 ? bytes.length : blank + 4)
  const method = parseMethod(text)
  if (typeof method !== 'string') return method
  const targetStart = method.length + 1
  const targetEnd = span(text, targetStart, TARGET)
  if (targetEnd === text.length) return incomplete
  if (text.charCodeAt(targetStart) !== SLASH) return other
  const fieldsStart = targetEnd + versionAndEnd.length
  if (text.length < fieldsStart) {
    return versionAndEnd.startsWith(text.slice(targetEnd)) ? incomplete : other
  }
  if (!text.startsWith(versionAndEnd, targetEnd)) return other
  const fields = parseFields(text, fieldsStart, maxHeaders)
  if ('kind' in fields) return fields
  return {
    kind: 'request',
    method,
    target: text.slice(targetStart, targetEnd),
    ...fields,
    end: start + text.length,
  }
}

function parseMethod(text: string): 'GET' | 'HEAD' | ParseResult {
  if (text.startsWith('GET ')) return 'GET'
  if (text.startsWith('HEAD ')) return 'HEAD'
  return 'GET '.startsWith(text) || 'HEAD '.startsWith(text) ? incomplete : other
}

/** The first offset from `from` on whose character is not of the class. */
function span(text: string, from: number, byteClass: number): number {
  let at = from
  while (at < text.length && classes[text.charCodeAt(at)]! & byteClass) at++
  return at
}

/** The header fields and the empty line behind them. */
function parseFields(
  text: string,
  start: number,
  maxHeaders: number,
): { headers: string[]; keepAlive: boolean } | ParseResult {
  const headers: string[] = []
  let keepAlive = true
  let hosts = 0
  let at = start
  while (at < text.length && text.charCodeAt(at) !== CR) {
    const nameEnd = span(text, at, TOKEN)
    if (nameEnd === text.length) return incomplete
    if (nameEnd === at || text.charCodeAt(nameEnd) !== COLON) return other
    const valueEnd = span(text, nameEnd + 1, VALUE)
    if (valueEnd + 1 >= text.length) return incomplete
    if (text.charCodeAt(valueEnd) !== CR || text.charCodeAt(valueEnd + 1) !== LF) return other
    const name = text.slice(at, nameEnd)
    const value = trimmed(text, nameEnd + 1, valueEnd)
    const meaning = meaningOf(name, value)
    if (meaning === 'other') return other
    if (meaning === 'host') hosts++
    if (meaning === 'close') keepAlive = false
    headers.push(name, value)
    at = valueEnd + 2
  }
  if (at + 1 >= text.length) return incomplete
  if (text.charCodeAt(at + 1) !== LF || hosts !== 1 || headers.length > 2 * maxHeaders) return other
  return { headers, keepAlive }
}

/** What a field means to the connection; told by the length of its name first, for most mean nothing. */
function meaningOf(name: string, value: string): 'other' | 'host' | 'close' | 'plain' {
  if (name.length === 4 && name.toLowerCase() === 'host') return isPlainHost(value) ? 'host' : 'other'
  if (name.length === 10 && name.toLowerCase() === 'connection') {
    const option = value.toLowerCase()
    return option === 'close' ? 'close' : option === 'keep-alive' ? 'plain' : 'other'
  }
  return notPlainLengths.has(name.length) && notPlain.has(name.toLowerCase()) ? 'other' : 'plain'
}

/** A field value without the optional white space around it (RFC 9110 §5.5). */
function trimmed(text: string, from: number, to: number): string {
  let start = from
  let end = to
  while (start < end && isBlank(text.charCodeAt(start))) start++
  while (end > start && isBlank(text.charCodeAt(end - 1))) end--
  return text.slice(start, end)
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09
}

/** True for a host about which no two parsers disagree. */
function isPlainHost(value: string): boolean {
  const nameEnd = span(value, 0, HOST)
  if (nameEnd === 0) return false
  if (nameEnd === value.length) return true
  return value.charCodeAt(nameEnd) === COLON && span(value, nameEnd + 1, DIGIT) === value.length
}
