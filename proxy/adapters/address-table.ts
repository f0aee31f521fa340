// What is known of the addresses of one server's name, shared by all that connect to it. See policy/address-health.ts.
import {
  type AddressHealth,
  afterConnect,
  inOrder,
  probing,
  resolved,
  toProbe,
} from '../policy/address-health.ts'
import type { Clock, Log } from '../ports.ts'

export class AddressTable {
  readonly #server: string
  readonly #clock: Clock
  readonly #log: Log | null
  #known: readonly AddressHealth[] = []

  /** `server`: its name in the log. */
  constructor(server: string, clock: Clock, log: Log | null) {
    this.#server = server
    this.#clock = clock
    this.#log = log
  }

  /** The addresses to try, best first, of those the name has now. */
  order(addresses: readonly string[]): readonly string[] {
    this.#known = resolved(this.#known, addresses, this.#clock.monotonicMs())
    return inOrder(this.#known).map(({ address }) => address)
  }

  /** An address that connections avoid and that is to be tried now; null for none. Says so once an interval. */
  takeProbe(): string | null {
    const nowMs = this.#clock.monotonicMs()
    const due = toProbe(this.#known, nowMs)
    if (due === null) return null
    this.#replace(due.address, (health) => probing(health, nowMs))
    return due.address
  }

  /** A connection came about (`error` null) or failed by this name. */
  connected(address: string, error: string | null): void {
    this.#replace(address, (health) => {
      const after = afterConnect(health, error, this.#clock.monotonicMs())
      if (after.state !== health.state) this.#announce(after)
      return after
    })
  }

  states(): readonly AddressHealth[] {
    return this.#known
  }

  #replace(address: string, change: (health: AddressHealth) => AddressHealth): void {
    this.#known = this.#known.map((health) => (health.address === address ? change(health) : health))
  }

  #announce({ address, state, lastError }: AddressHealth): void {
    const fields = { server: this.#server, address, because: lastError }
    if (state === 'down') this.#log?.warn('address down', fields)
    else this.#log?.info('address up', { server: this.#server, address })
  }
}
