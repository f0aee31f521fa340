// What a role of the proxy is to the process that runs it, and what the roles have in common.
import { type HttpServer, startHttpServer } from '../adapters/http-server.ts'
import { nodeClock } from '../adapters/node-clock.ts'
import type { Handler } from '../object.ts'
import type { Log } from '../ports.ts'

export interface RunningRole {
  /** For standard output, once it listens. */
  readonly readyLine: string
  /** Reads the configuration again; a bad file leaves the old one in force and every mistake in the log. */
  reload(): Promise<void>
  /** Stops taking requests, answers those under way, closes everything. */
  drain(): Promise<void>
}

/** A role beneath its sockets. `Settings` is what its part of a configuration file says. */
export interface Role<Settings> {
  /** Answers by the configuration in force. */
  readonly handler: Handler
  readonly admin: Handler
  /** Builds what new settings ask for, or throws; the function it returns puts them in force. */
  prepare(settings: Settings): () => Promise<void>
  /** After the last answer. */
  close(): Promise<void>
}

export interface Address {
  readonly host: string
  readonly port: number
}

export function listen(address: Address, handler: Handler, log: Log): Promise<HttpServer> {
  return startHttpServer({ ...address, handler, clock: nodeClock, log })
}

/** The admin server, where one is configured. */
export async function listenForAdmin(
  admin: { readonly listen: Address } | null,
  handler: Handler,
  log: Log,
): Promise<HttpServer | null> {
  return admin && listen(admin.listen, handler, log)
}

/** Puts a new configuration in force; if it can't be, says why and changes nothing. */
export async function reloaded(log: Log, prepare: () => () => Promise<void>): Promise<void> {
  try {
    const take = prepare()
    const done = take()
    log.info('the new configuration is in force')
    await done
  } catch (error) {
    log.error('the configuration was not taken; the old one stays in force', { because: String(error) })
  }
}

/** "breakwater cache listening on 127.0.0.1:8080, admin on 127.0.0.1:8081" */
export function readyLine(role: string, server: HttpServer, ...admins: (HttpServer | null)[]): string {
  const places = admins.flatMap((admin) => (admin ? [`, admin on ${admin.address}`] : []))
  return `breakwater ${role} listening on ${server.address}${places.join('')}`
}
