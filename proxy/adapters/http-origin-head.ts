// Looks at the head of an origin's answer for what no proxy should trust (RFC 9112 §6.3).
import type { Readable } from 'node:stream'
import { ProxyError } from '../errors.ts'
import type { HeaderList } from '../object.ts'
import { isSafe } from './http-origin-errors.ts'

const maxHeaders = 200

/** What makes the head unacceptable, or null. */
export function headFault(headers: HeaderList): string | null {
  if (headers.length > 2 * maxHeaders) return `more than ${maxHeaders} headers`
  let lengths = 0
  let encodings = 0
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i]!
    if (name.length === 14 && name.toLowerCase() === 'content-length') lengths++
    if (name.length !== 17 || name.toLowerCase() !== 'transfer-encoding') continue
    encodings++
    if (headers[i + 1]!.toLowerCase() !== 'chunked') return 'a Transfer-Encoding other than chunked'
  }
  if (lengths > 1) return 'more than one Content-Length'
  return lengths + encodings > 1 ? 'Content-Length beside Transfer-Encoding' : null
}

/** Nothing more is read from a server whose head can't be trusted: its connection is closed. */
export function badHead(fault: string, body: Readable, method: string): ProxyError {
  body.on('error', () => {}).destroy()
  return new ProxyError(`the answer has ${fault}`, {
    code: 'bad-header',
    source: 'origin',
    retryable: isSafe(method),
  })
}
