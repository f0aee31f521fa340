// Addresses as Go writes, reads and refuses them: clients compare and match these texts.
import { lookup } from 'node:dns/promises'
import { type AddressInfo, isIP, type Server } from 'node:net'

export interface Address {
  /** An IP address or a name; empty: all interfaces. */
  readonly host: string
  readonly port: number
}

/** Splits "host:port"; an empty text is all interfaces and any port. Throws with Go's words. */
export function parseAddress(text: string): Address {
  if (text === '') return { host: '', port: 0 }
  const match = /^(?:\[([^[\]]*)\]|([^:[\]]*)):([^:[\]]*)$/.exec(text)
  if (match === null) throw new Error(`address ${text}: ${refusal(text)}`)
  return { host: match[1] ?? match[2] ?? '', port: parsePort(match[3]!) }
}

/** What is wrong with an address, looked for in the order of Go's net.SplitHostPort. */
function refusal(text: string): string {
  const last = text.lastIndexOf(':')
  if (last < 0) return 'missing port in address'
  if (text.startsWith('[')) {
    const end = text.indexOf(']')
    if (end < 0) return "missing ']' in address"
    if (end + 1 !== last)
      return text[end + 1] === ':' ? 'too many colons in address' : 'missing port in address'
  } else if (text.indexOf(':') < last) return 'too many colons in address'
  return `unexpected '${text.slice(1).includes('[') || text.startsWith('[[') ? '[' : ']'}' in address`
}

/** Names of ports that Go knows without asking the system. */
const services: Readonly<Record<string, number>> = {
  domain: 53,
  ftp: 21,
  http: 80,
  https: 443,
  smtp: 25,
  ssh: 22,
  telnet: 23,
}

function parsePort(text: string): number {
  if (text === '') return 0
  const named = services[text.toLowerCase()]
  if (named !== undefined) return named
  if (!/^[+-]?\d+$/.test(text)) throw new Error(`lookup tcp/${text}: unknown port`)
  const port = Number(text)
  if (port < 0 || port > 65535) throw new Error(`address ${text}: invalid port`)
  return port
}

/** Go looks no further at names of digits and dots, where the system takes "127.1" for 127.0.0.1. */
const isName = (host: string) => /[^\d.]/.test(host)

/** The same address with its name looked up, IPv4 first. Throws with Go's words. */
export async function resolveAddress(text: string): Promise<Address> {
  const { host, port } = parseAddress(text)
  if (host === '' || isIP(host)) return { host, port }
  const found = isName(host) ? await lookup(host, { order: 'ipv4first' }).catch(() => undefined) : undefined
  if (found === undefined) throw new Error(`lookup ${host}: no such host`)
  return { host: found.address, port }
}

export function formatAddress({ host, port }: Address): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

/** Listens on the address; the outcome is where it really listens. Throws with Go's words. */
export async function listen(server: Server, text: string): Promise<string> {
  const address = await resolveAddress(text).catch((error: Error) => {
    throw new Error(`listen tcp: ${error.message}`)
  })
  return await new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(new Error(bindRefusal(address, error))))
    // As Go's, 0.0.0.0 takes IPv6 clients, too, and reports itself as [::].
    const host = address.host === '0.0.0.0' ? undefined : address.host || undefined
    server.listen({ port: address.port, host, backlog: 4096 }, () => {
      server.removeAllListeners('error')
      const bound = server.address() as AddressInfo
      resolve(formatAddress({ host: bound.address, port: bound.port }))
    })
  })
}

const bindReasons: Record<string, string> = {
  EADDRINUSE: 'address already in use',
  EADDRNOTAVAIL: 'cannot assign requested address',
  EACCES: 'permission denied',
}

function bindRefusal(address: Address, { code, message }: NodeJS.ErrnoException): string {
  return `listen tcp ${formatAddress(address)}: bind: ${bindReasons[code ?? ''] ?? message}`
}
