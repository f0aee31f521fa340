// The head of an answer as the lean client reads it. It knows bytes only, and refuses what no proxy should trust.
import type { HeaderList, ReceivedLines } from '../object.ts'
import { parseFields } from './http-fields.ts'
import { headFault } from './http-origin-head.ts'

/** How the end of a body is told (RFC 9112 §6.3); a number is its length. */
export type AnswerFraming = number | 'chunked' | 'until-close'

export interface AnswerHead {
  readonly kind: 'head'
  readonly status: number
  readonly headers: HeaderList
  readonly received: ReceivedLines
  readonly framing: AnswerFraming
  /** The connection may carry another request after the body. */
  readonly keepAlive: boolean
  /** Offset of the first byte after the head. */
  readonly end: number
}

export type AnswerResult =
  | AnswerHead
  | { readonly kind: 'incomplete' }
  /** `because`: "the answer has …" */
  | { readonly kind: 'fault'; readonly because: string }

const blankLine = '\r\n'
const maxHeadBytes = 64 * 1024
const statusLine = /^HTTP\/1\.([01]) ([1-5]\d\d)(?: [\t\x20-\x7e\x80-\xff]*)?\r\n/
const protocol = 'HTTP/1.'
/** What most begin with, told without a regular expression. */
const usualLine = 'HTTP/1.1 200 OK\r\n'

/** Parses the head at the beginning of `bytes`, the answer to a request with `method`. */
export function parseAnswerHead(bytes: Buffer, method: string): AnswerResult {
  const blank = bytes.indexOf('\r\n\r\n')
  if (blank === -1) return partOfHead(bytes)
  if (blank > maxHeadBytes) return tooLarge
  const text = bytes.toString('latin1', 0, blank + 4)
  const line = parseStatusLine(text)
  if (line === null) return fault('a status line that is none')
  const starts: number[] = []
  const headers = parseFields(text, line.length, starts)
  if (typeof headers === 'string') return fault('a malformed header')
  const because = headFault(headers)
  if (because !== null) return fault(because)
  starts.push(text.length - blankLine.length)
  return framed(line, headers, text, starts, method)
}

interface StatusLine {
  readonly status: number
  readonly isPersistent: boolean
  readonly length: number
}

const usual: StatusLine = { status: 200, isPersistent: true, length: usualLine.length }

function parseStatusLine(text: string): StatusLine | null {
  if (text.startsWith(usualLine)) return usual
  const line = statusLine.exec(text)
  return line && { status: Number(line[2]), isPersistent: line[1] === '1', length: line[0].length }
}

function framed(
  { status, isPersistent }: StatusLine,
  headers: HeaderList,
  text: string,
  starts: readonly number[],
  method: string,
): AnswerResult {
  let framing: AnswerFraming = 'until-close'
  let contentLength: number | null = null
  let hasDate = false
  let keepAlive = isPersistent
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i]!
    const value = headers[i + 1]!
    if (name.length === 17 && name.toLowerCase() === 'transfer-encoding') framing = 'chunked'
    else if (name.length === 14 && name.toLowerCase() === 'content-length') {
      if (!/^\d{1,15}$/.test(value)) return fault('a Content-Length that is no number')
      contentLength = framing = Number(value)
    } else if (name.length === 4) {
      if (name.toLowerCase() === 'date') hasDate = true
    } else if (name.length === 10 && name.toLowerCase() === 'connection') {
      if (/\bclose\b/i.test(value)) keepAlive = false
    }
  }
  if (method === 'HEAD' || status < 200 || status === 204 || status === 304) framing = 0
  const received = { text, starts, contentLength, hasDate }
  return { kind: 'head', status, headers, received, framing, keepAlive, end: text.length }
}

/** A head that has not come whole, unless what is there can't become one. */
function partOfHead(bytes: Buffer): AnswerResult {
  if (bytes.length > maxHeadBytes) return tooLarge
  const text = bytes.toString('latin1')
  if (!text.startsWith(protocol) && !protocol.startsWith(text)) return fault('no HTTP in it')
  return /(?:^|[^\r])\n/.test(text) ? fault('a bare line feed') : { kind: 'incomplete' }
}

const tooLarge = fault(`a head of more than ${maxHeadBytes} bytes`)

function fault(because: string): AnswerResult {
  return { kind: 'fault', because }
}
