// Keeps connections to a server open and in use, so that a failover meets no TCP and TLS handshakes. Flow.
import type { Backend } from './backend.ts'
import type { RouterPorts } from './options.ts'
import { checkHeaders } from './probe.ts'

/** Below the time after which an idle connection is closed, by S3 after 20 s and by our own client after 15 s. */
const intervalMs = 10_000
/** How often the load is looked at. */
const lookMs = 2000

/** A handshake costs both sides some ms of CPU: the reserve grows, and shrinks, by a few connections at a time. */
const growingMs = 500
const growth = 8

/** Connections kept whatever the load, and room for bursts beyond what the load needs on average. */
const spare = 8
const headroom = 3

/**
 * Sends as many small requests at once as connections are to be kept, over the connections of traffic: as many as the
 * load of the whole router would need here (Little's law: rate times latency, with headroom), within the server's bound.
 */
export class Warmer {
  readonly #backend: Backend
  readonly #ports: RouterPorts
  readonly #loadPerSecond: () => number
  #kept = 0
  #touchedMs = Number.NEGATIVE_INFINITY
  #touched = 0
  /** The quickest of the last small requests, which met an open connection: the network's latency. */
  #latencyMs = 0
  #cancel: () => void = () => {}
  #stop = new AbortController()

  constructor(backend: Backend, ports: RouterPorts, loadPerSecond: () => number) {
    this.#backend = backend
    this.#ports = ports
    this.#loadPerSecond = loadPerSecond
  }

  start(): void {
    if (this.#backend.server.warmConnections > 0) this.#round()
  }

  stop(): void {
    this.#stop.abort()
    this.#cancel()
  }

  #round(): void {
    const wanted = this.#wanted()
    const less = wanted === 0 ? 0 : this.#kept - growth
    this.#kept = Math.max(less, Math.min(wanted, this.#kept + growth))
    if (wanted === 0) this.#touched = 0
    const missing = this.#kept - this.#backend.inFlight
    if (missing > 0 && this.#isDue() && !this.#carriesTheLoad()) this.#touchAll(missing)
    const isGrowing = this.#kept < wanted
    this.#cancel = this.#ports.clock.after(isGrowing ? growingMs : lookMs, () => this.#round())
  }

  /** More are wanted than are open, or those that are would soon have been idle for too long. */
  #isDue(): boolean {
    return this.#kept > this.#touched || this.#ports.clock.monotonicMs() - this.#touchedMs >= intervalMs
  }

  /** Then traffic keeps open what it needs, and a burst of small requests would only be in its way. */
  #carriesTheLoad(): boolean {
    return 2 * this.#backend.rate.perSecond() > this.#loadPerSecond()
  }

  #wanted(): number {
    const { routable, server } = this.#backend
    if (routable !== 'up') return 0
    const busy = (this.#loadPerSecond() * this.#latencyMs) / 1000
    return Math.min(server.warmConnections, spare + Math.ceil(headroom * busy))
  }

  #touchAll(count: number): void {
    const { clock } = this.#ports
    const startedMs = clock.monotonicMs()
    this.#touchedMs = startedMs
    this.#touched = this.#kept
    let isFirst = true
    for (let i = 0; i < count; i++) {
      void this.#touch().then((answered) => {
        if (answered && isFirst) this.#latencyMs = clock.monotonicMs() - startedMs
        if (answered) isFirst = false
      })
    }
  }

  /** Whether it was answered. What comes of it says nothing more: checks and traffic judge the server. */
  async #touch(): Promise<boolean> {
    const { gate, origin, server } = this.#backend
    if (!gate.tryEnter(false)) return false
    const headers = checkHeaders(server.check?.host ?? null, server.url)
    const target = server.check?.uri ?? '/'
    try {
      const { signal } = this.#stop
      const { body } = await origin.fetch({ method: 'HEAD', target, headers, body: null, signal })
      for await (const _ of body);
      return true
    } catch {
      return false
    } finally {
      gate.leave()
    }
  }
}
