// The head of a request as the lean client writes it: as it was given, but for what concerns one connection.
import { ProxyError } from '../errors.ts'
import type { OriginRequest } from '../ports.ts'

/** What would end a line, or be another character once written byte by byte. */
const notForTarget = /[^\x21-\x7e\x80-\xff]/
const notForField = /[^\t\x20-\x7e\x80-\xff]/

/** The head of a request without a body. `host` is sent where the request has none. Throws `bad-request` for what would split it. */
export function requestText({ method, target, headers }: OriginRequest, host: string): string {
  if (notForTarget.test(target)) throw unwritable('target')
  let text = `${method} ${target} HTTP/1.1\r\n`
  let hasHost = false
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i]!
    const value = headers[i + 1]!
    if (isForHop(name)) continue
    if (notForField.test(name) || notForField.test(value)) throw unwritable('header')
    if (name.length === 4 && name.toLowerCase() === 'host') hasHost = true
    text += `${name}: ${value}\r\n`
  }
  return hasHost ? `${text}\r\n` : `${text}Host: ${host}\r\n\r\n`
}

/** A hop's own headers (RFC 9110 §7.6.1), Expect, which the server has answered, and the length of a body that is not there. */
function isForHop(name: string): boolean {
  switch (name.length) {
    case 2:
      return name.toLowerCase() === 'te'
    case 6:
      return name.toLowerCase() === 'expect'
    case 7:
      return name.toLowerCase() === 'upgrade'
    case 10:
      return /^(?:connection|keep-alive)$/i.test(name)
    case 14:
      return name.toLowerCase() === 'content-length'
    case 16:
      return name.toLowerCase() === 'proxy-connection'
    case 17:
      return name.toLowerCase() === 'transfer-encoding'
    default:
      return false
  }
}

function unwritable(what: string): ProxyError {
  return new ProxyError(`the ${what} holds a character that can't be sent`, {
    code: 'bad-request',
    source: 'client',
  })
}
