// Remembers whom S3 has let read what, for the time S3's word counts. Lives in memory only and holds no key. Flow.
import type { AuthorisationOptions } from '../policy/authorisation.ts'
import type { Clock } from '../ports.ts'
import { BoundedMap } from './bounded-map.ts'
import type { Exchange } from './exchange.ts'

const maxRemembered = 100_000

export class Allowances {
  readonly #options: AuthorisationOptions
  readonly #clock: Clock
  readonly #byProof = new BoundedMap<string, number>(maxRemembered)
  readonly #byPrincipal = new BoundedMap<string, number>(maxRemembered)

  constructor(options: AuthorisationOptions, clock: Clock) {
    this.#options = options
    this.#clock = clock
  }

  /** S3 has just answered this signed request with the object, or with "not modified". */
  record(exchange: Exchange): void {
    if (exchange.claim === null) return
    const nowMs = this.#clock.monotonicMs()
    this.#byProof.set(proofOf(exchange), nowMs + this.#options.allowMs)
    this.#byPrincipal.set(principalOf(exchange), nowMs + this.#options.staleAllowMs)
  }

  /** The very same signature was allowed a short while ago. */
  allowed(exchange: Exchange): boolean {
    return this.#holds(this.#byProof, proofOf(exchange))
  }

  /**
   * The principal it names was allowed this object from this address. An access key's name proves nothing, so this
   * counts only while S3 can't be asked.
   */
  allowedWhileAway(exchange: Exchange): boolean {
    return this.allowed(exchange) || this.#holds(this.#byPrincipal, principalOf(exchange))
  }

  #holds(map: BoundedMap<string, number>, key: string): boolean {
    return this.#clock.monotonicMs() < (map.get(key) ?? Number.NEGATIVE_INFINITY)
  }
}

function proofOf({ request, key, claim }: Exchange): string {
  return `${request.method} ${key}\n${claim?.proof}`
}

function principalOf({ request, key, claim }: Exchange): string {
  return claim === null ? '' : `${key}\n${claim.accessKey}\n${request.clientAddress}`
}
