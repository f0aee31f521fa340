// One proxy: its listener, its connections and its toxics, and what becomes of them when it is changed.
import { createServer, type Server, type Socket } from 'node:net'
import { type Address, formatAddress, listen, parseAddress, resolveAddress } from './address.ts'
import { toxicNotFound } from './api-error.ts'
import { Connection, type ConnectionView, socketBufferBytes } from './connection.ts'
import type { Emit } from './events.ts'
import type { Metrics, ProxyCounts } from './metrics.ts'
import { type Touch, Touches } from './touches.ts'
import { type Direction, directions, type Toxic } from './toxics/toxic.ts'

export interface ProxySettings {
  readonly listen: string
  readonly upstream: string
  readonly enabled: boolean
  /** Of breakwater only: time that connecting takes, ms. */
  readonly connectDelayMs: number
}

export interface ProxyWorld {
  readonly seed: number
  readonly metrics: Metrics
  readonly emit: Emit
}

/** What the proxy did since it was created. */
export interface ProxyTotals {
  accepted: number
  /** Clients closed because the upstream could not be connected. */
  upstreamFailed: number
  /** Connections cut because the proxy was disabled, moved or deleted. */
  cut: number
}

export class TcpProxy {
  readonly name: string
  readonly #world: ProxyWorld
  #settings: ProxySettings
  #server: Server | undefined
  readonly #connections = new Set<Connection>()
  readonly #toxics: Record<Direction, Toxic[]> = { upstream: [], downstream: [] }
  readonly totals: ProxyTotals = { accepted: 0, upstreamFailed: 0, cut: 0 }
  /** What toxics did to connections that have closed. */
  readonly #past = new Touches()

  constructor(name: string, settings: ProxySettings, world: ProxyWorld) {
    this.name = name
    this.#settings = { ...settings, enabled: false }
    this.#world = world
  }

  /** `listen` is where it really listens once started, until then what was asked for. */
  get settings(): ProxySettings {
    return this.#settings
  }

  /** Upstream chain first, each in the order of insertion. */
  get toxics(): readonly Toxic[] {
    return directions.flatMap((direction) => this.#toxics[direction])
  }

  /** Starts listening if it isn't; throws with Go's words when it can't, and is then stopped. */
  async start(): Promise<void> {
    if (this.#settings.enabled) return
    const server = createServer(
      { allowHalfOpen: true, pauseOnConnect: true, noDelay: true, highWaterMark: socketBufferBytes },
      (client) => this.#accept(client),
    )
    const listening = await listen(server, this.#settings.listen)
    this.#server = server
    this.#settings = { ...this.#settings, listen: listening, enabled: true }
  }

  /** Refuses new clients and cuts the connected ones. */
  stop(): void {
    if (!this.#settings.enabled) return
    this.#settings = { ...this.#settings, enabled: false }
    this.#server?.close()
    this.totals.cut += this.#connections.size
    for (const connection of this.#connections) connection.destroy()
  }

  /** Moving to another address or upstream drops the connections, as disabling does. Throws when the new address can't be had. */
  async update(next: ProxySettings): Promise<void> {
    if (await this.differs(next)) {
      this.stop()
      this.#settings = { ...this.#settings, listen: next.listen, upstream: next.upstream }
    }
    this.#settings = { ...this.#settings, connectDelayMs: next.connectDelayMs }
    if (next.enabled) await this.start()
    else this.stop()
  }

  /** Whether this listens or leads elsewhere. Names are looked up before they are compared. */
  async differs(other: Pick<ProxySettings, 'listen' | 'upstream'>): Promise<boolean> {
    const address = formatAddress(await resolveAddress(other.listen))
    return this.#settings.listen !== address || this.#settings.upstream !== other.upstream
  }

  #accept(client: Socket): void {
    const upstream = this.#upstreamAddress()
    if (upstream === undefined) {
      this.totals.upstreamFailed += 1
      client.destroy()
      return
    }
    this.totals.accepted += 1
    const connection = new Connection({
      id: this.totals.accepted,
      seed: this.#world.seed,
      proxy: this.name,
      client,
      upstream,
      connectDelayMs: this.#settings.connectDelayMs,
      traffic: { upstream: this.#traffic('upstream'), downstream: this.#traffic('downstream') },
      toxics: (direction) => this.#toxics[direction],
      onClose: (closed) => this.#forget(closed),
    })
    this.#connections.add(connection)
    this.#world.emit('connection-opened', { proxy: this.name, id: this.totals.accepted })
  }

  /** Undefined when what was given is no address: found out, as in Toxiproxy, by the first client. */
  #upstreamAddress(): Address | undefined {
    try {
      return parseAddress(this.#settings.upstream)
    } catch {
      return undefined
    }
  }

  #traffic(direction: Direction) {
    const { listen: listener, upstream } = this.#settings
    return this.#world.metrics.traffic({ direction, listener, proxy: this.name, upstream })
  }

  #forget(connection: Connection): void {
    this.#connections.delete(connection)
    if (connection.upstreamFailed) this.totals.upstreamFailed += 1
    const view = connection.view()
    this.#past.add(view)
    this.#world.emit('connection-closed', { proxy: this.name, ...view })
  }

  toxic(name: string): Toxic {
    const found = this.toxics.find((toxic) => toxic.name === name)
    if (found === undefined) throw toxicNotFound()
    return found
  }

  /** Adds it to the end of the chain of its direction, on connections that are open too. Its name is in use nowhere yet. */
  addToxic(toxic: Toxic): void {
    this.#toxics[toxic.direction].push(toxic)
    this.#past.forget(toxic.name)
    for (const connection of this.#connections) connection.link(toxic.direction)?.addToxic(toxic)
    this.#world.emit('toxic-added', { proxy: this.name, toxic: toxic.name })
  }

  updateToxic(toxic: Toxic, change: Pick<Toxic, 'attributes' | 'toxicity'>): void {
    Object.assign(toxic, change, { shared: { freeAtMs: 0 } })
    for (const connection of this.#connections) connection.link(toxic.direction)?.updateToxic(toxic)
    this.#world.emit('toxic-updated', { proxy: this.name, toxic: toxic.name })
  }

  removeToxic(toxic: Toxic): void {
    const chain = this.#toxics[toxic.direction]
    chain.splice(chain.indexOf(toxic), 1)
    for (const connection of this.#connections) connection.link(toxic.direction)?.removeToxic(toxic)
    this.#world.emit('toxic-removed', { proxy: this.name, toxic: toxic.name })
  }

  removeAllToxics(): void {
    for (const toxic of this.toxics) this.removeToxic(toxic)
  }

  connections(): ConnectionView[] {
    return [...this.#connections].map((connection) => connection.view())
  }

  /** What toxics touched, by toxic, since each was added last. */
  touched(): Record<string, Touch> {
    const touches = this.#past.copy()
    for (const view of this.connections()) touches.add(view)
    return touches.byToxic()
  }

  counts(): ProxyCounts {
    return {
      name: this.name,
      open: this.#connections.size,
      accepted: this.totals.accepted,
      touched: this.touched(),
    }
  }
}
