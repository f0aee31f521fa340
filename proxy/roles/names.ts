// What a role knows of names and their addresses. It outlives reloads that don't change who is asked: the answers that are
// held while DNS is away, and which addresses are down, are not forgotten by a SIGHUP.
import { isDeepStrictEqual } from 'node:util'
import { AddressTable } from '../adapters/address-table.ts'
import { createResolver, type ResolverOptions } from '../adapters/dns-resolver.ts'
import { nodeClock } from '../adapters/node-clock.ts'
import type { Log, Resolver } from '../ports.ts'

export class Names {
  readonly options: ResolverOptions
  readonly resolver: Resolver
  readonly #log: Log
  readonly #tables = new Map<string, AddressTable>()

  constructor(options: ResolverOptions, log: Log) {
    this.options = options
    this.resolver = createResolver(options, nodeClock, log)
    this.#log = log
  }

  /** What is known of the addresses of a server. */
  addressesOf({ name, url }: { readonly name: string; readonly url: string }): AddressTable {
    const server = `${name} ${url}`
    const known = this.#tables.get(server) ?? new AddressTable(name, nodeClock, this.#log)
    this.#tables.set(server, known)
    return known
  }
}

/** The names for a configuration: those of the one before, where they are asked of the same and held as long. */
export function namesFor(
  file: { readonly nameservers: readonly string[]; readonly hold_valid: number },
  log: Log,
  previous: Names | null,
): Names {
  const options = { nameservers: file.nameservers, holdMs: file.hold_valid }
  return previous !== null && isDeepStrictEqual(options, previous.options)
    ? previous
    : new Names(options, log)
}
