// Resolves names through c-ares, never through the thread pool, and holds answers: for `holdMs` without asking again,
// and beyond that for as long as DNS fails.
import { Resolver as DnsResolver } from 'node:dns/promises'
import { isIP } from 'node:net'
import { ProxyError } from '../errors.ts'
import type { Clock, Log, Resolver } from '../ports.ts'

export interface ResolverOptions {
  /** `127.0.0.1:5353`; the system's when empty. */
  readonly nameservers: readonly string[]
  /** How long an answer is used without asking again. */
  readonly holdMs: number
}

const queryTimeoutMs = 300
const tries = 2
/** After a failed refresh the old answer is used for this long before DNS is asked again. */
const retryMs = 1000

interface Held {
  readonly addresses: readonly string[]
  readonly askAgainAtMs: number
}

export function createResolver(options: ResolverOptions, clock: Clock, log: Log): Resolver {
  const dns = new DnsResolver({ timeout: queryTimeoutMs, tries })
  if (options.nameservers.length > 0) dns.setServers([...options.nameservers])
  const held = new Map<string, Held>()
  const asking = new Map<string, Promise<readonly string[]>>()
  /** Names whose last question failed: told of once, not each time. */
  const failing = new Set<string>()

  const hold = (name: string, addresses: readonly string[], forMs: number) => {
    held.set(name, { addresses, askAgainAtMs: clock.monotonicMs() + forMs })
    return addresses
  }

  const ask = async (name: string): Promise<readonly string[]> => {
    try {
      const addresses = await lookUp(dns, name)
      failing.delete(name)
      return hold(name, addresses, options.holdMs)
    } catch (cause) {
      const last = held.get(name)
      if (last === undefined) {
        throw new ProxyError(`${name} can't be resolved`, {
          code: 'dns-failed',
          source: 'dns',
          retryable: true,
          cause,
        })
      }
      if (!failing.has(name)) {
        log.warn('a name can not be resolved; its last addresses are kept', { name, because: String(cause) })
        failing.add(name)
      }
      return hold(name, last.addresses, retryMs)
    }
  }

  return {
    async resolve(name) {
      if (isIP(name) !== 0) return [name]
      if (name === 'localhost') return ['127.0.0.1', '::1']
      const last = held.get(name)
      if (last !== undefined && clock.monotonicMs() < last.askAgainAtMs) return last.addresses
      const running = asking.get(name) ?? ask(name).finally(() => asking.delete(name))
      asking.set(name, running)
      // An answer past its time serves while the next one is fetched: a request never waits for DNS twice.
      return last === undefined ? running : last.addresses
    },
  }
}

/** IPv4 addresses, then IPv6 ones; throws when there are neither. */
async function lookUp(dns: DnsResolver, name: string): Promise<string[]> {
  const [v4, v6] = await Promise.allSettled([dns.resolve4(name), dns.resolve6(name)])
  const found = [
    ...(v4.status === 'fulfilled' ? v4.value : []),
    ...(v6.status === 'fulfilled' ? v6.value : []),
  ]
  if (found.length === 0) throw v4.status === 'rejected' ? v4.reason : new Error('no addresses')
  return found
}
