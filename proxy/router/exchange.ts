// One request on its way through the router: what was tried, what it waited for, and the line it leaves in the log. Flow.
import type { HeaderList, ProxyRequest } from '../object.ts'
import { answersLate } from '../policy/late-answer.ts'
import { requestHeaders } from './answer.ts'
import type { Backend } from './backend.ts'
import type { Fleet } from './fleet.ts'
import { Patience } from './patience.ts'

/**
 * How a request ended, in HAProxy's two letters. First: `-` well, `C` the client left, `s`/`S` a server timed out or
 * broke, `P` the router refused, `R` a resource was exhausted. Second, where: `-` after all data, `Q` in the queue,
 * `C` connecting, `H` waiting for the head, `D` within the body.
 */
export type Termination = '--' | `${'C' | 's' | 'S' | 'P' | 'R'}${'Q' | 'C' | 'H' | 'D'}`

export class Exchange {
  readonly request: ProxyRequest
  readonly fleet: Fleet
  readonly isRead: boolean
  /** The target without its query: what the object is told by, for balance and expectation. */
  readonly key: string
  readonly order: readonly Backend[]
  /** S3 may think about it for minutes. */
  readonly isLate: boolean
  readonly tried: Backend[] = []
  /** Headers as every backend gets them. */
  readonly headers: HeaderList
  queuedMs = 0
  /** When the latest attempt was sent; -1: none was yet. */
  sentMs = -1
  headMs = -1
  bytes = 0
  resumes = 0
  hedged = false
  #patience: Patience | null = null

  constructor(request: ProxyRequest, fleet: Fleet) {
    const { method, target } = request
    this.request = request
    this.isRead = method === 'GET' || method === 'HEAD'
    this.headers = requestHeaders(request.headers, fleet.options.name)
    this.fleet = fleet
    const mark = target.indexOf('?')
    this.key = mark < 0 ? target : target.slice(0, mark)
    fleet.countRequest(request.receivedMs)
    this.order = fleet.orderFor(this.key)
    this.isLate = !this.isRead && answersLate(request)
  }

  /** Monotonic time by which the head of an answer must be there. */
  get deadlineMs(): number {
    const { deadlineMs, writeTimeoutMs } = this.fleet.options
    return this.request.receivedMs + (this.isLate ? writeTimeoutMs : deadlineMs)
  }

  /** Made when it is first asked for: what is answered directly has other guards (direct.ts). */
  get patience(): Patience {
    if (this.#patience === null) {
      const { clock } = this.fleet.ports
      const patienceMs = this.deadlineMs - this.request.receivedMs
      this.#patience = new Patience(this.request.receivedMs, patienceMs, this.request.signal, clock)
      if (this.headMs >= 0) this.#patience.headArrived()
    }
    return this.#patience
  }

  /** It is expected to be answered from a cache node's store. */
  get expectsHit(): boolean {
    return this.fleet.expectedHits.has(this.key)
  }

  /** The head of the answer that the client gets has come. */
  headArrived(): void {
    this.headMs = this.fleet.ports.clock.monotonicMs() - this.request.receivedMs
    this.#patience?.headArrived()
  }

  /** The request is over: nothing guards it any more, and the log says how it went. */
  over(status: number, backend: Backend | null, termination: Termination, because: string): void {
    this.#patience?.over()
    this.fleet.totals.end(status, this.bytes, this.headMs, backend !== null)
    const well = termination === '--' && this.tried.length < 2 && this.resumes === 0
    if (well && this.fleet.options.logRequests === 'anomalies') return
    this.#log(status, backend, termination, because)
  }

  #log(status: number, backend: Backend | null, termination: Termination, because: string): void {
    const { log, clock } = this.fleet.ports
    const { method, clientAddress, receivedMs } = this.request
    log.info('request', {
      method,
      path: this.key,
      client: clientAddress,
      status,
      backend: backend?.name ?? 'none',
      termination,
      because,
      tried: this.tried.map(({ name }) => name).join(','),
      // HAProxy's timers, ms: waiting in queues (Tw), to the head of the answer (Tr), all (Ta); -1: never came to it.
      tw: Math.round(this.queuedMs),
      tr: Math.round(this.headMs),
      ta: Math.round(clock.monotonicMs() - receivedMs),
      bytes: this.bytes,
      resumes: this.resumes,
      hedged: this.hedged,
    })
  }
}
