// What must be refused of a request that Node's strict parser let through. Knows raw headers and RFC 9112 only.
import type { HeaderList } from '../object.ts'

export interface Refusal {
  readonly status: number
  /** One sentence for the client: what is wrong. */
  readonly because: string
}

const hostPattern = /^(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._~!$&'()*+,;=%-]+)(?::[0-9]*)?$/
const absoluteForm = /^https?:\/\/([^/?#]+)([^#]*)$/i

function refuse(status: number, because: string): Refusal {
  return { status, because }
}

/** Checks the message's framing and target; the first fault found, or null. */
export function findFault(
  method: string,
  target: string,
  httpVersion: string,
  headers: HeaderList,
): Refusal | null {
  if (httpVersion !== '1.1' && httpVersion !== '1.0')
    return refuse(505, 'only HTTP/1.1 and HTTP/1.0 are spoken here')
  if (method === 'CONNECT' || method === 'TRACE') return refuse(405, `${method} is not allowed here`)
  return findHeaderFault(method, httpVersion, headers) ?? findTargetFault(target, headers)
}

function findHeaderFault(method: string, httpVersion: string, headers: HeaderList): Refusal | null {
  const lengths: string[] = []
  const encodings: string[] = []
  const hosts: string[] = []
  for (let i = 0; i < headers.length; i += 2) {
    const value = headers[i + 1]!
    if (hasControl(value)) return refuse(400, 'a header holds a control character')
    switch (headers[i]!.toLowerCase()) {
      case 'content-length':
        lengths.push(value)
        break
      case 'transfer-encoding':
        encodings.push(value)
        break
      case 'host':
        hosts.push(value)
        break
      case 'upgrade':
        return refuse(501, 'Upgrade is not supported')
    }
  }
  return findHostFault(httpVersion, hosts) ?? findFramingFault(method, httpVersion, lengths, encodings)
}

function hasControl(value: string): boolean {
  for (let i = 0; i < value.length; i++) {
    const code = value.charCodeAt(i)
    if ((code < 0x20 && code !== 0x09) || code === 0x7f) return true
  }
  return false
}

function findHostFault(httpVersion: string, hosts: readonly string[]): Refusal | null {
  if (hosts.length > 1) return refuse(400, 'there is more than one Host')
  if (hosts.length === 0) return httpVersion === '1.0' ? null : refuse(400, 'Host is missing')
  return hostPattern.test(hosts[0]!) ? null : refuse(400, 'Host is not valid')
}

/** RFC 9112 §6: who is unsure where a body ends must not guess. */
function findFramingFault(
  method: string,
  httpVersion: string,
  lengths: readonly string[],
  encodings: readonly string[],
): Refusal | null {
  if (lengths.length > 1) return refuse(400, 'there is more than one Content-Length')
  if (lengths.length === 1 && !/^[0-9]{1,15}$/.test(lengths[0]!))
    return refuse(400, 'Content-Length is not a number')
  if (encodings.length > 0) {
    if (httpVersion === '1.0') return refuse(400, 'Transfer-Encoding in HTTP/1.0')
    if (lengths.length > 0) return refuse(400, 'Content-Length beside Transfer-Encoding')
    if (encodings.length > 1) return refuse(400, 'there is more than one Transfer-Encoding')
    if (encodings[0]!.toLowerCase() !== 'chunked')
      return refuse(501, 'only chunked Transfer-Encoding is supported')
  }
  const hasBody = encodings.length > 0 || Number(lengths[0] ?? 0) > 0
  if (hasBody && (method === 'GET' || method === 'HEAD')) return refuse(400, `${method} with a body`)
  return null
}

function findTargetFault(target: string, headers: HeaderList): Refusal | null {
  for (let i = 0; i < target.length; i++) {
    const code = target.charCodeAt(i)
    if (code <= 0x20 || code >= 0x7f) return refuse(400, 'the target holds a character that must be encoded')
  }
  if (target.includes('#')) return refuse(400, 'the target holds a fragment')
  if (target.startsWith('/') || target === '*') return null
  const absolute = absoluteForm.exec(target)
  if (absolute === null) return refuse(400, 'the target is neither a path nor an http URL')
  const host = headers[headers.findIndex((name, i) => i % 2 === 0 && name.toLowerCase() === 'host') + 1]
  return absolute[1]!.toLowerCase() === host?.toLowerCase()
    ? null
    : refuse(400, 'the target names another host than Host')
}

/** The path and query of a target without fault, as an origin would see them (RFC 9112 §3.2.2). */
export function originForm(target: string): string {
  if (target.startsWith('/') || target === '*') return target
  const path = absoluteForm.exec(target)![2]!
  return path.startsWith('/') ? path : `/${path}`
}
