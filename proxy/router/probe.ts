// Checks one server for as long as the router runs, over connections of its own. Flow.
import { ProxyError } from '../errors.ts'
import type { HeaderList } from '../object.ts'
import type { Origin } from '../ports.ts'
import { afterArrivals } from './after-arrivals.ts'
import { speaksForItself } from './answer.ts'
import type { Backend } from './backend.ts'
import type { CheckOutcome } from './backend-record.ts'
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
    const cancel = afterArrivals(this.#ports.clock, this.#check.timeoutMs, () => this.#running?.abort())
    const controller = this.#running
    try {
      const seen = await this.#ask(controller.signal)
      const tookMs = this.#ports.clock.monotonicMs() - startedMs
      this.#report(
        this.#check.kind === 'canary' && tookMs > this.#check.slowMs ? tooSlow(seen) : seen,
        startedMs,
      )
    } catch (error) {
      this.#report(failure(error, controller.signal.aborted), startedMs)
    } finally {
      cancel()
      this.#running = null
    }
  }

  #report(seen: CheckOutcome, startedMs: number): void {
    if (!this.#stopped) this.#backend.checked(seen, startedMs)
  }

  async #ask(signal: AbortSignal): Promise<CheckOutcome> {
    if (this.#check.kind === 'tcp') {
      await this.#ports.connect(this.#backend.server, signal)
      return { ok: true, text: 'connected', status: null, error: null }
    }
    const { method, uri } = this.#check
    const headers = checkHeaders(this.#check.host, this.#backend.server.url)
    const answered = await this.#origin.fetch({ method, target: uri, headers, body: null, signal })
    const { status, body } = answered
    const answer = { text: `status ${status}`, status, error: null }
    if (this.#check.kind === 'http') {
      await discard(body)
      return { ok: status < 500 || speaksForItself(answered.headers, this.#backend), ...answer }
    }
    for await (const _ of body);
    return { ok: status >= 200 && status < 300, ...answer }
  }
}

function tooSlow(seen: CheckOutcome): CheckOutcome {
  return { ...seen, ok: false, text: `${seen.text}, too slow` }
}

function failure(error: unknown, late: boolean): CheckOutcome {
  if (late) return { ok: false, text: 'check-timeout', status: null, error: 'check-timeout' }
  if (!(error instanceof ProxyError)) throw error
  return { ok: false, text: error.code, status: null, error: error.code }
}

/** `host`: null takes the one of `url`. */
export function checkHeaders(host: string | null, url: string): HeaderList {
  return ['Host', host ?? new URL(url).host, 'User-Agent', 'breakwater-check']
}
