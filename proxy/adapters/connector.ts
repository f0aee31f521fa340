// Opens connections to a server for undici: resolves its name, prefers addresses that are up, verifies TLS and resumes
// its sessions. Undici's own connector counts its timeout in half seconds, too coarse for a failover.
import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { connect as connectTcp, isIP, type OnReadOpts, type Socket } from 'node:net'
import { checkServerIdentity as checkIdentity, connect as connectTls, createSecureContext } from 'node:tls'
import type { buildConnector } from 'undici'
import { ProxyError } from '../errors.ts'
import type { Clock, Resolver } from '../ports.ts'
import { AddressTable } from './address-table.ts'
import { originError } from './http-origin-errors.ts'

export interface ConnectorOptions {
  /** For messages. */
  readonly name: string
  /** `http://127.0.0.1:8001` or `https://s3.example.com`. */
  readonly url: string
  /** PEM file of the authority to trust; null takes the system's. */
  readonly ca: string | null
  /** Name to verify and send as SNI; null takes the host of `url`. */
  readonly serverName: string | null
  readonly connectMs: number
  /** Shared by all that connect to the server; a connector without one keeps its own. */
  readonly addresses?: AddressTable
}

/** Sessions kept for resumption; TLS 1.3 tickets are for one use each. */
const maxSessions = 32

/** `onread`: takes what comes on a connection without TLS from a buffer of the caller's, instead of `data` events. */
export type OpenSocket = (onread?: OnReadOpts) => Promise<Socket>

/** Reads the CA file at once, so that a missing one is an error at start-up. */
export function createConnector(options: ConnectorOptions, resolver: Resolver, clock: Clock): OpenSocket {
  const url = new URL(options.url)
  const isTls = url.protocol === 'https:'
  const host = url.hostname.replace(/^\[|\]$/g, '')
  const port = Number(url.port || (isTls ? 443 : 80))
  // Built once: reading certificates takes as long as half a handshake.
  const secureContext = isTls
    ? createSecureContext(options.ca === null ? {} : { ca: authorityIn(options.ca) })
    : undefined
  const servername = options.serverName ?? (isIP(host) ? '' : host)
  const table = options.addresses ?? new AddressTable(options.name, clock, null)
  const sessions: Buffer[] = []

  const begin = (address: string, onread?: OnReadOpts): Socket => {
    if (!isTls) return connectTcp({ host: address, port, noDelay: true, ...(onread && { onread }) })
    const session = sessions.pop()
    const identity = options.serverName ?? host
    const socket = connectTls({
      host: address,
      port,
      secureContext,
      servername,
      ALPNProtocols: ['http/1.1'],
      checkServerIdentity: (_host, certificate) => checkIdentity(identity, certificate),
      ...(session && { session }),
    })
    socket.setNoDelay(true)
    socket.on('session', (fresh) => {
      if (sessions.push(fresh) > maxSessions) sessions.shift()
    })
    return socket
  }

  const connect = async (address: string, onread?: OnReadOpts): Promise<Socket> => {
    try {
      const socket = await opened(begin(address, onread), isTls, options.connectMs)
      table.connected(address, null)
      return socket
    } catch (error) {
      const failure = originError(error, { method: '', stage: 'connecting', name: options.name })
      table.connected(address, failure.code)
      throw failure
    }
  }

  /** Nobody waits for it: it only finds out whether connections need not avoid the address any more. */
  const probe = (address: string) =>
    void connect(address).then(
      (socket) => socket.destroy(),
      () => {},
    )

  return async (onread) => {
    let failure: unknown
    for (const address of table.order(await resolver.resolve(host))) {
      try {
        const socket = await connect(address, onread)
        const avoided = table.takeProbe()
        if (avoided !== null) probe(avoided)
        return socket
      } catch (error) {
        failure = error
      }
    }
    throw failure
  }
}

/** One certificate or several in PEM. Node's TLS passes over what is none and trusts nobody then. */
function authorityIn(file: string): Buffer {
  try {
    const text = readFileSync(file)
    new X509Certificate(text)
    return text
  } catch (cause) {
    const { code, syscall } = cause as NodeJS.ErrnoException
    const why = syscall === undefined ? 'it holds no certificate in PEM' : code
    const message = `can't read the authority in ${file} (\`ca\`): ${why}`
    throw new ProxyError(message, { code: 'config-invalid', source: 'config', cause })
  }
}

/** The socket once it can carry a request; rejects and destroys it otherwise. */
function opened(socket: Socket, isTls: boolean, timeoutMs: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    let isOpen = false
    const fail = (error: Error) => {
      if (isOpen) return
      clearTimeout(timer)
      socket.destroy()
      reject(error)
    }
    const expire = () =>
      fail(Object.assign(new Error(`no connection within ${timeoutMs} ms`), { code: 'ETIMEDOUT' }))
    // What has arrived by then is read first: a process that was held up must not take its own delay for the server's.
    const timer = setTimeout(() => setImmediate(expire), timeoutMs)
    socket.once('error', fail)
    socket.once(isTls ? 'secureConnect' : 'connect', () => {
      isOpen = true
      clearTimeout(timer)
      socket.off('error', fail)
      resolve(socket)
    })
  })
}

/** The connector in the form undici takes it. */
export function asUndiciConnector(open: OpenSocket): buildConnector.connector {
  return (_options, callback) => {
    open().then(
      (socket) => callback(null, socket),
      (error) => callback(error, null),
    )
  }
}
