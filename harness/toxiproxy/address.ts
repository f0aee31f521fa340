// Addresses as Go writes, reads and refuses them: clients compare and match these texts.
import { lookup } from 'node:dns/promises'
import { isIP, type Server } from 'node:net'

export interface Address {
  /** An IP address or a name; empty: all interfaces. */
  readonly host: string
  readonly port: number
}

/** Splits "host:port"; an empty text is all interfaces and any port. Throws with Go's words. */
export function parseAddress(text: string): Address {
  if (text === '') return { host: '', port: 0 }
  const match = /^(?:\[([^[\]]*)\]|([^:[\]]*)):([^:]*)$/.exec(text)
  if (match === null) throw new Error(refusal(text))
  return { host: match[1] ?? match[2] ?? '', port: parsePort(match[3]!) }
}

function refusal(text: string): string {
  const colons = text.split(':').length - 1
  if (colons === 0 || /\]$/.test(text)) return `address ${text}: missing port in address`
  return `address ${text}: too many colons in address`
}

function parsePort(text: string): number {
  if (text === '') return 0
  if (!/^[+-]?\d+$/.test(text)) throw new Error(`lookup tcp/${text}: unknown port`)
  const port = Number(text)
  if (port < 0 || port > 65535) throw new Error(`address ${text}: invalid port`)
  return port
}

/** The same address with its name looked up, IPv4 first. Throws with Go's words. */
export async function resolveAddress(text: string): Promise<Address> {
  const { host, port } = parseAddress(text)
  if (host === '' || isIP(host)) return { host, port }
  try {
    const { address } = await lookup(host, { order: 'ipv4first' })
    return { host: address, port }
  } catch {
    throw new Error(`lookup ${host}: no such host`)
  }
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
    server.listen({ port: address.port, host: address.host || undefined, backlog: 4096 }, () => {
      server.removeAllListeners('error')
      const { address: host, port } = server.address() as { address: string; port: number }
      resolve(formatAddress({ host, port }))
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
