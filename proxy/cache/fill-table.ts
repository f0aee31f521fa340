// The cache lock: which objects are being fetched now, which are known not to be worth waiting for, and which refreshes
// are due. Flow.
import type { StoredEntry } from '../object.ts'
import { type Lock, lock } from '../policy/cache-lock.ts'
import type { OriginResponse, Signatures } from '../ports.ts'
import { BoundedMap } from './bounded-map.ts'
import { renewed } from './entries.ts'
import type { Exchange } from './exchange.ts'
import { Fill, type FillPorts } from './fill.ts'
import type { CacheOptions } from './options.ts'
import { composer } from './outgoing.ts'

const maxMarks = 10_000
/** After a refresh that brought nothing new, how long its key is left alone. */
const refreshRestMs = 1000

export class FillTable {
  readonly #fills = new Map<string, Fill>()
  readonly #due = new Set<string>()
  readonly #alone = new BoundedMap<string, { readonly untilMs: number; readonly because: string }>(maxMarks)
  readonly #restsUntilMs = new BoundedMap<string, number>(maxMarks)
  readonly #options: CacheOptions
  readonly #ports: FillPorts
  readonly #signatures: Signatures | null

  constructor(options: CacheOptions, ports: FillPorts, signatures: Signatures | null) {
    this.#options = options
    this.#ports = ports
    this.#signatures = signatures
  }

  get size(): number {
    return this.#fills.size
  }

  /** The fetch under way that can answer this request: a GET answers a HEAD, but not the other way round. */
  running({ request, key }: Exchange): Fill | undefined {
    return this.#fills.get(`GET ${key}`) ?? this.#fills.get(`${request.method} ${key}`)
  }

  lock(exchange: Exchange): Lock {
    const { key, facts } = exchange
    const ranged = facts.range === undefined ? undefined : this.#alone.get(rangesOf(key))
    return lock(
      this.running(exchange) !== undefined,
      this.#alone.get(key) ?? ranged,
      this.#ports.clock.monotonicMs(),
    )
  }

  /** Fetches for this request and whoever joins it. */
  begin(exchange: Exchange, entry: StoredEntry | undefined, background: boolean): Fill {
    const { key, name, facts, request, claim } = exchange
    const compose = composer(exchange, this.#signatures, this.#ports.clock)
    const order = { key, base: name.base, facts, requestHeaders: request.headers, compose, entry, background }
    const { profile, valid, fill: options } = this.#options
    const fill = new Fill({ ...order, unsigned: claim === null }, { profile, valid }, options, this.#ports)
    const slot = `${request.method} ${key}`
    this.#fills.set(slot, fill)
    void fill.done.then(() => {
      if (this.#fills.get(slot) === fill) this.#fills.delete(slot)
    })
    return fill
  }

  /** Hit-for-miss: requests for this object don't wait for each other for a while. */
  markAlone(key: string, because: string): void {
    const untilMs = this.#ports.clock.monotonicMs() + this.#options.fill.hitForMissMs
    this.#alone.set(key, { untilMs, because })
  }

  /** The same for ranges that lie too far ahead to be waited for. */
  markRangesAlone(key: string): void {
    this.markAlone(rangesOf(key), 'range-ahead-of-fill')
  }

  isRefreshing(exchange: Exchange): boolean {
    return this.#due.has(exchange.key) || this.running(exchange) !== undefined
  }

  /** One refresh of this entry, after `delayMs`; none while one is due, under way, or was in vain a moment ago. */
  refresh(exchange: Exchange, entry: StoredEntry, delayMs: number): void {
    const { key } = exchange
    const { clock } = this.#ports
    if (this.isRefreshing(exchange) || clock.monotonicMs() < (this.#restsUntilMs.get(key) ?? 0)) return
    if (delayMs <= 0) {
      this.#refreshNow(exchange, entry)
      return
    }
    this.#due.add(key)
    clock.after(delayMs, () => {
      this.#due.delete(key)
      if (this.running(exchange) === undefined) this.#refreshNow(exchange, entry)
    })
  }

  #refreshNow(exchange: Exchange, entry: StoredEntry): void {
    const fill = this.begin(exchange, entry, true)
    fill.join().leave()
    const rest = () => {
      this.#restsUntilMs.set(exchange.key, this.#ports.clock.monotonicMs() + refreshRestMs)
    }
    fill.head.then(({ kind }) => {
      if (kind === 'answer') rest()
    }, rest)
  }

  /** The entry after a 304 to a question about it that was no fetch. */
  renew(exchange: Exchange, entry: StoredEntry, confirmation: OriginResponse): StoredEntry {
    const { name, facts, key, claim } = exchange
    const { store, clock } = this.#ports
    const { headers } = confirmation
    const meta = renewed(entry.meta, headers, { base: name.base, facts }, this.#options, clock.wallMs())
    store.update(key, { ...meta, isPublic: meta.isPublic || claim === null })
    return store.lookup(key) ?? entry
  }

  /** Nothing that is being fetched for these objects may be kept, nor be joined any more. */
  fence(bases: ReadonlySet<string>): void {
    for (const [slot, fill] of this.#fills) {
      if (!bases.has(fill.base)) continue
      fill.fence()
      this.#fills.delete(slot)
    }
  }

  /** Resolves when every fetch that is under way now has ended; kept prefixes don't wait for another client. */
  async drained(): Promise<void> {
    for (const fill of this.#fills.values()) fill.drain()
    await Promise.all([...this.#fills.values()].map((fill) => fill.done))
  }
}

function rangesOf(key: string): string {
  return `ranges of ${key}`
}
