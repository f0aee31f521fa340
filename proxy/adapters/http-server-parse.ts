// The strict, fast parser for plain GET and HEAD heads. It knows bytes only. It accepts a subset of what Node's own
// parser accepts; whatever it does not accept at sight is left to that parser (`other`), never refused here.
import type { HeaderList } from '../object.ts'
import { COLON, DIGIT, HOST, parseFields, SLASH, span, TARGET } from './http-fields.ts'

export interface ParsedHead {
  readonly kind: 'request'
  readonly method: 'GET' | 'HEAD'
  readonly target: string
  readonly headers: HeaderList
  /** False when the client said `Connection: close`. */
  readonly keepAlive: boolean
  /** Offset of the first byte after the head. */
  readonly end: number
  /** The same head came before, and this is what was parsed of it then. */
  readonly isKnown: boolean
}

export type ParseResult = ParsedHead | { readonly kind: 'incomplete' } | { readonly kind: 'other' }

const incomplete: ParseResult = { kind: 'incomplete' }
const other: ParseResult = { kind: 'other' }

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
  const headers = parseFields(text, fieldsStart)
  if (headers === 'incomplete') return incomplete
  if (headers === 'malformed' || headers.length > 2 * maxHeaders) return other
  const connection = connectionOf(headers)
  if (connection === null) return other
  const { keepAlive } = connection
  const target = text.slice(targetStart, targetEnd)
  return { kind: 'request', method, target, headers, keepAlive, end: start + text.length, isKnown: false }
}

function parseMethod(text: string): 'GET' | 'HEAD' | ParseResult {
  if (text.startsWith('GET ')) return 'GET'
  if (text.startsWith('HEAD ')) return 'HEAD'
  return 'GET '.startsWith(text) || 'HEAD '.startsWith(text) ? incomplete : other
}

/** What the fields of a plain head say of its connection; null when they make it one for the full parser. */
function connectionOf(headers: HeaderList): { readonly keepAlive: boolean } | null {
  let keepAlive = true
  let hosts = 0
  for (let i = 0; i < headers.length; i += 2) {
    const meaning = meaningOf(headers[i]!, headers[i + 1]!)
    if (meaning === 'other') return null
    if (meaning === 'host') hosts++
    if (meaning === 'close') keepAlive = false
  }
  return hosts === 1 ? { keepAlive } : null
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

/** True for a host about which no two parsers disagree. */
function isPlainHost(value: string): boolean {
  const nameEnd = span(value, 0, HOST)
  if (nameEnd === 0) return false
  if (nameEnd === value.length) return true
  return value.charCodeAt(nameEnd) === COLON && span(value, nameEnd + 1, DIGIT) === value.length
}
