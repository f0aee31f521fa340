// Keeps connections to a server open and in use, so that a failover meets no TCP and TLS handshakes. Flow.
import type { Backend } from './backend.ts'
import { discard } from './body.ts'
import type { RouterPorts } from './options.ts'
import { checkHeaders } from './probe.ts'

/** Below the time after which servers close an idle connection (5 s in Node, 20 s in S3). */
const intervalMs = 4000

/** Sends as many small requests at once as connections are to be kept, over the connections of traffic. */
export class Warmer {
  readonly #backend: Backend
  readonly #ports: RouterPorts
  #cancel: () => void = () => {}
  #stop = new AbortController()

  constructor(backend: Backend, ports: RouterPorts) {
    this.#backend = backend
    this.#ports = ports
  }

  start(): void {
    if (this.#backend.server.warmConnections > 0) this.#round()
  }

  stop(): void {
    this.#stop.abort()
    this.#cancel()
  }

  #round(): void {
    const { inFlight, routable, server } = this.#backend
    const missing = routable === 'up' ? server.warmConnections - inFlight : 0
    for (let i = 0; i < missing; i++) void this.#touch()
    this.#cancel = this.#ports.clock.after(intervalMs, () => this.#round())
  }

  /** What comes of it says nothing: checks and traffic judge the server. */
  async #touch(): Promise<void> {
    const { gate, origin, server } = this.#backend
    if (!gate.tryEnter(false)) return
    const headers = checkHeaders(server.check?.host ?? null, server.url)
    const target = server.check?.uri ?? '/'
    try {
      const { body } = await origin.fetch({
        method: 'HEAD',
        target,
        headers,
        body: null,
        signal: this.#stop.signal,
      })
      await discard(body)
    } catch {
    } finally {
      gate.leave()
    }
  }
}
