// The flow of the router role; read this first. A request is tried on one backend after the other until one answers,
// within a deadline, and never where it may act twice. Decisions are taken in policy/, carried out here.
import { ProxyError } from '../errors.ts'
import type { Handler, ProxyRequest, ProxyResponse } from '../object.ts'
import { nextServer } from '../policy/failover.ts'
import { afterAttempt, type Budget, type BudgetOptions, earned, spend, startBudget } from '../policy/retry.ts'
import type { OriginResponse } from '../ports.ts'
import { relayedHeaders, requestHeaders, unavailable } from './answer.ts'
import { Backend } from './backend.ts'
import { discard } from './body.ts'
import { Journal } from './journal.ts'
import type { RouterOptions, RouterPorts } from './options.ts'
import { Patience } from './patience.ts'
import { type Prober, probers } from './probe.ts'
import { RelayedBody } from './relay.ts'

export interface Router {
  readonly handle: Handler
  readonly backends: readonly Backend[]
  readonly journal: Journal
  /** Begins to check the servers. */
  start(): void
  /** Ends the checks. Requests that are running go on. */
  close(): void
}

/** The router of one process. Takes traffic at once; checks run from `start()`. */
export function createRouter(options: RouterOptions, ports: RouterPorts): Router {
  return new FailoverRouter(options, ports)
}

/** How one attempt ended. */
type Attempt =
  | {
      readonly kind: 'answered'
      readonly backend: Backend
      readonly response: OriginResponse
      readonly because: string
    }
  | { readonly kind: 'failed'; readonly error: ProxyError }

class FailoverRouter implements Router {
  readonly journal = new Journal()
  readonly backends: readonly Backend[]
  readonly #options: RouterOptions
  readonly #ports: RouterPorts
  readonly #probers: readonly Prober[]
  readonly #budgetOptions: BudgetOptions
  #budget: Budget

  constructor(options: RouterOptions, ports: RouterPorts) {
    this.#options = options
    this.#ports = ports
    const { clock, log } = ports
    this.backends = options.servers.map(
      (server) =>
        new Backend(server, ports.open(server, 'traffic'), options, clock, (transition) => {
          log.warn('backend changed state', { ...transition })
          this.journal.add(transition)
        }),
    )
    this.#probers = probers(this.backends, ports)
    const { budgetRatio: ratio, budgetPerSecond: perSecond } = options.retry
    this.#budgetOptions = { ratio, perSecond, maxRequests: 10_000 }
    this.#budget = startBudget(clock.monotonicMs(), this.#budgetOptions)
  }

  start(): void {
    for (const prober of this.#probers) prober.start()
  }

  close(): void {
    for (const prober of this.#probers) prober.stop()
  }

  readonly handle = async (request: ProxyRequest): Promise<ProxyResponse> => {
    this.#budget = earned(this.#budget, this.#budgetOptions)
    const patience = new Patience(request, this.#options.deadlineMs, this.#ports.clock)
    const tried: Backend[] = []
    let held: (Attempt & { kind: 'answered' }) | null = null
    for (;;) {
      const choice = nextServer(this.backends, tried)
      if (choice.kind === 'none') return this.#last(request, patience, held, choice.because)
      if (held !== null) void discard(held.response.body)
      tried.push(choice.server)
      const attempt = await this.#attempt(request, choice.server, choice.because, patience)
      const decision = this.#judge(attempt, request, patience, tried.length)
      if (attempt.kind === 'answered' && decision.kind !== 'retry')
        return this.#relay(request, patience, attempt)
      if (decision.kind !== 'retry') {
        const because = decision.kind === 'give-up' ? decision.because : 'no-answer'
        return this.#last(request, patience, null, because)
      }
      choice.server.counters.retries++
      held = attempt.kind === 'answered' ? attempt : null
    }
  }

  async #attempt(
    request: ProxyRequest,
    backend: Backend,
    because: string,
    patience: Patience,
  ): Promise<Attempt> {
    const startedMs = this.#ports.clock.monotonicMs()
    backend.counters.requests++
    backend.inFlight++
    try {
      const response = await backend.origin.fetch({
        method: request.method,
        target: request.target,
        headers: requestHeaders(request.headers, this.#options.name),
        body: request.body === null ? null : patience.watched(request.body),
        signal: patience.signal,
      })
      backend.inFlight--
      backend.headArrived(response, startedMs)
      return { kind: 'answered', backend, response, because }
    } catch (cause) {
      backend.inFlight--
      const error = asProxyError(cause, patience)
      backend.failed(error.code, startedMs, false)
      return { kind: 'failed', error }
    }
  }

  #judge(attempt: Attempt, request: ProxyRequest, patience: Patience, attempts: number) {
    const view = { method: request.method, bodyTouched: patience.bodyTouched, attempts }
    const end =
      attempt.kind === 'answered'
        ? { kind: attempt.kind, status: attempt.response.status, byCacheNode: !attempt.backend.backup }
        : { kind: attempt.kind, code: attempt.error.code }
    const decision = afterAttempt(end, view, this.#options.retry.attempts)
    if (decision.kind !== 'retry' || decision.free) return decision
    const { granted, budget } = spend(this.#budget, this.#ports.clock.monotonicMs(), this.#budgetOptions)
    this.#budget = budget
    return granted ? decision : { kind: 'give-up' as const, because: 'retry-budget-spent' }
  }

  /** No backend is left: what the last one said is the clearest answer; without one, 503. */
  #last(
    request: ProxyRequest,
    patience: Patience,
    held: (Attempt & { kind: 'answered' }) | null,
    because: string,
  ): ProxyResponse {
    if (held !== null) return this.#relay(request, patience, held)
    patience.over()
    this.#ports.log.warn('no backend served a request', { because, method: request.method })
    return unavailable(this.#options.name, because, this.#retryAfterMs(), request.method)
  }

  #retryAfterMs(): number {
    const waits = this.backends.map(({ server }) =>
      server.check ? server.check.downInterMs * server.check.rise : 0,
    )
    return Math.max(1000, Math.min(...waits))
  }

  #relay(request: ProxyRequest, patience: Patience, attempt: Attempt & { kind: 'answered' }): ProxyResponse {
    const { backend, response, because } = attempt
    patience.headArrived()
    const headers = relayedHeaders(response, this.#options.name, backend, because)
    if (request.method === 'HEAD' || response.status === 204 || response.status === 304) {
      void discard(response.body)
      patience.over()
      return { status: response.status, headers, body: null }
    }
    backend.inFlight++
    const body = new RelayedBody(response.body, {
      onChunk: (bytes) => {
        backend.counters.bytesOut += bytes
      },
      onEnd: (end) => {
        backend.inFlight--
        if (end.kind === 'broken' && patience.ended === null) {
          backend.failed(asProxyError(end.error, patience).code, 0, true)
        }
        patience.over()
      },
    })
    return { status: response.status, headers, body }
  }
}

/** The failure by its name; once the deadline or the client ended the attempt, that is its name. */
function asProxyError(error: unknown, patience: Patience): ProxyError {
  if (patience.ended !== null) {
    return new ProxyError('the attempt was ended', { code: patience.ended, source: 'client', cause: error })
  }
  if (error instanceof ProxyError) return error
  throw error
}
