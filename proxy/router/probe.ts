// Checks one server for as long as the router runs, over connections of its own. Flow.
import { ProxyError } from '../errors.ts'
import type { HeaderList } from '../object.ts'
import type { Origin } from '../ports.ts'
import type { Backend } from './backend.ts'
import { discard } from './body.ts'
import type { CheckOptions, RouterPorts } from './options.ts'

export class Prober {
  readonly #backend: Backend
  readonly #check: CheckOptions
  readonly #origin: Origin
  readonly #ports: RouterPorts
  #cancelNext: (() => void) | null = null
  #nextDueMs = 0
  #running: AbortController | null = null
  #stopped = false

  constructor(backend: Backend, check: CheckOptions, ports: RouterPorts) {
    this.#backend = backend
    this.#check = check
    this.#ports = ports
    this.#origin = ports.open(backend.server, 'check')
    backend.onSuspicion = () => this.#hurry()
  }

  /** Checks at once and then at the intervals that the server's health asks for. */
  start(): void {
    this.#arm(0)
  }

  stop(): void {
    this.#stopped = true
    this.#cancelNext?.()
    this.#running?.abort()
  }

  #hurry(): void {
    if (this.#running !== null || this.#stopped) return
    const dueMs = this.#ports.clock.monotonicMs() + this.#backend.nextCheckMs
    if (dueMs < this.#nextDueMs) this.#arm(this.#backend.nextCheckMs)
  }

  #arm(delayMs: number): void {
    this.#cancelNext?.()
    this.#nextDueMs = this.#ports.clock.monotonicMs() + delayMs
    this.#cancelNext = this.#ports.clock.after(delayMs, () => void this.#run())
  }

  async #run(): Promise<void> {
    const startedMs = this.#ports.clock.monotonicMs()
    if (this.#backend.mode !== 'maint') await this.#once(startedMs)
    if (this.#stopped) return
    const elapsedMs = this.#ports.clock.monotonicMs() - startedMs
    this.#arm(Math.max(0, this.#backend.nextCheckMs - elapsedMs))
  }

  async #once(startedMs: number): Promise<void> {
    this.#running = new AbortController()
    const cancel = this.#ports.clock.after(this.#check.timeoutMs, () => this.#running?.abort())
    try {
      const seen = await this.#ask(this.#running.signal)
      const tookMs = this.#ports.clock.monotonicMs() - startedMs
      const slow = this.#check.kind === 'canary' && tookMs > this.#check.slowMs
      if (!this.#stopped)
        this.#backend.checked(seen.ok && !slow, slow ? `slow: ${seen.text}` : seen.text, startedMs)
    } catch (error) {
      const late = this.#running.signal.aborted
      if (!this.#stopped) this.#backend.checked(false, late ? 'check-timeout' : reason(error), startedMs)
    } finally {
      cancel()
      this.#running = null
    }
  }

  async #ask(signal: AbortSignal): Promise<{ ok: boolean; text: string }> {
    if (this.#check.kind === 'tcp') {
      await this.#ports.connect(this.#backend.server, signal)
      return { ok: true, text: 'connected' }
    }
    const { method, uri } = this.#check
    const headers = checkHeaders(this.#check, this.#backend.server.url)
    const response = await this.#origin.fetch({ method, target: uri, headers, body: null, signal })
    const text = `status ${response.status}`
    if (this.#check.kind === 'http') {
      await discard(response.body)
      return { ok: response.status < 500, text }
    }
    for await (const _ of response.body);
    return { ok: response.status >= 200 && response.status < 300, text }
  }
}

function checkHeaders(check: CheckOptions, url: string): HeaderList {
  return ['Host', check.host ?? new URL(url).host, 'User-Agent', 'breakwater-check']
}

function reason(error: unknown): string {
  return error instanceof ProxyError ? error.code : String(error)
}
