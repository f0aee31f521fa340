// Writes the head of an HTTP/1.1 answer. Knows status lines, framing fields and the Date of the current second.
import { STATUS_CODES } from 'node:http'
import type { HeaderList, ProxyResponse } from '../object.ts'

/** How the end of a body is told to the client. `none`: the answer has no body on the wire. */
export type Framing = 'none' | 'length' | 'chunked'

const statusLines = new Map(
  Object.entries(STATUS_CODES).map(([status, reason]) => [
    Number(status),
    `HTTP/1.1 ${status} ${reason}\r\n`,
  ]),
)

let dateSecond = -1
let dateValue = ''

/** The value of `Date` (RFC 9110 §5.6.7), made once a second. */
export function dateNow(): string {
  const second = Math.floor(Date.now() / 1000)
  if (second !== dateSecond) {
    dateSecond = second
    dateValue = new Date(second * 1000).toUTCString()
  }
  return dateValue
}

/** What the server must know of the handler's headers to frame the answer. */
export interface HeadFacts {
  readonly contentLength: number | null
  readonly hasDate: boolean
}

/** The fields the server owns: a handler's values for them are not sent (RFC 9110 §7.6.1). */
export function isOwnedByServer(name: string): boolean {
  switch (name.length) {
    case 10: {
      const lower = name.toLowerCase()
      return lower === 'connection' || lower === 'keep-alive'
    }
    case 17:
      return name.toLowerCase() === 'transfer-encoding'
    default:
      return false
  }
}

/** Reads what framing needs from a handler's headers, in one pass. */
export function headFacts(headers: HeaderList): HeadFacts {
  let contentLength: number | null = null
  let hasDate = false
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i]!
    if (name.length === 14 && name.toLowerCase() === 'content-length') contentLength = Number(headers[i + 1])
    else if (name.length === 4 && name.toLowerCase() === 'date') hasDate = true
  }
  return { contentLength, hasDate }
}

/** True for answers that never have a body on the wire, whatever their headers say (RFC 9112 §6.3). */
export function isBodiless(method: string, status: number): boolean {
  return method === 'HEAD' || status === 204 || status === 304
}

function linesOf(headers: HeaderList): string {
  let lines = ''
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i]!
    if (!isOwnedByServer(name)) lines += `${name}: ${headers[i + 1]}\r\n`
  }
  return lines
}

/** The head as a latin1 string, up to and with the empty line. `length` is written when the handler gave none. */
export function headText(
  answer: Pick<ProxyResponse, 'status' | 'headers' | 'lines'>,
  facts: HeadFacts,
  framing: Framing,
  length: number | null,
  keepAlive: boolean,
): string {
  const { status, lines } = answer
  let text = statusLines.get(status) ?? `HTTP/1.1 ${status} \r\n`
  text += lines === undefined ? linesOf(answer.headers) : lines.text
  if (!facts.hasDate) text += `Date: ${dateNow()}\r\n`
  if (facts.contentLength === null && length !== null && status !== 204 && status !== 304) {
    text += `Content-Length: ${length}\r\n`
  }
  if (framing === 'chunked') text += 'Transfer-Encoding: chunked\r\n'
  return keepAlive ? `${text}\r\n` : `${text}Connection: close\r\n\r\n`
}
