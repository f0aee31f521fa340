// Asks the origins in their order, behind one circuit breaker each and no faster than they take it, and remembers how
// that went. Flow.
import { ProxyError } from '../errors.ts'
import { type AddressState, addressState } from '../policy/address-health.ts'
import {
  type Admission,
  admitted,
  answeredIn,
  type Breaker,
  type BreakerOptions,
  type CallOutcome,
  closedBreaker,
  reported,
} from '../policy/breaker.ts'
import type { OriginAccess } from '../policy/reuse.ts'
import type { Clock, Log, Origin, OriginRequest, OriginResponse } from '../ports.ts'
import { type TurnOptions, Turns, type TurnsState } from './turns.ts'

export interface UpstreamAnswer {
  readonly response: OriginResponse
  readonly backend: string
  /** From asking to the head of the answer, ms. */
  readonly tookMs: number
}

interface Guarded {
  readonly origin: Origin
  readonly turns: Turns
  breaker: Breaker
}

export interface OriginState {
  readonly name: string
  readonly breaker: Breaker
  readonly turns: TurnsState
  readonly addresses: readonly AddressState[]
}

/** Statuses by which S3 says that it, and not the request, is at fault. 501 is an answer. */
const failures: ReadonlySet<number> = new Set([500, 502, 503, 504])

export class Upstream {
  readonly #guarded: readonly Guarded[]
  readonly #options: BreakerOptions
  readonly #clock: Clock
  readonly #log: Log
  #recoveredAtMs = Number.NEGATIVE_INFINITY

  constructor(
    origins: readonly Origin[],
    options: BreakerOptions,
    turns: TurnOptions,
    clock: Clock,
    log: Log,
  ) {
    this.#guarded = origins.map((origin) => ({
      origin,
      turns: new Turns(turns, clock),
      breaker: closedBreaker,
    }))
    this.#options = options
    this.#clock = clock
    this.#log = log
  }

  /** What asking now would meet; changes nothing. */
  access(): OriginAccess {
    const nowMs = this.#clock.monotonicMs()
    let best: OriginAccess = 'refuse'
    for (const { breaker } of this.#guarded) {
      const { kind } = admitted(breaker, nowMs, this.#options)
      if (kind === 'pass') return 'pass'
      if (kind === 'probe') best = 'probe'
    }
    return best
  }

  /** Time until an origin may be asked again, ms; 0 when one may be asked now. */
  retryAfterMs(): number {
    const nowMs = this.#clock.monotonicMs()
    const waits = this.#guarded.map(({ breaker, turns }) => {
      const admission = admitted(breaker, nowMs, this.#options)
      return Math.max(turns.heldMs, admission.kind === 'refuse' ? admission.retryAfterMs : 0)
    })
    return Math.min(...waits)
  }

  /** An origin answered again less than `withinMs` ago after its breaker had been open. */
  recovering(withinMs: number): boolean {
    return this.#clock.monotonicMs() - this.#recoveredAtMs < withinMs
  }

  /** An origin has asked for fewer requests lately (503, SlowDown): what can wait should. */
  slowedDown(): boolean {
    return this.#guarded.some(({ turns }) => turns.heldMs > 0)
  }

  /** What is known of each origin, for status pages. */
  states(): readonly OriginState[] {
    const startMs = this.#clock.wallMs() - this.#clock.monotonicMs()
    return this.#guarded.map(({ origin, breaker, turns }) => ({
      name: origin.name,
      breaker,
      turns: turns.state,
      addresses: (origin.addresses?.() ?? []).map((one) => addressState(one, startMs + one.sinceMs)),
    }))
  }

  /**
   * The first origin's answer that is no failure (500, 502, 503, 504), else the last one's; begins with the origin at `from` (wrapping round).
   * A request with a body goes to one origin only. Rejects with the last origin's ProxyError, or `breaker-open` when
   * none may be asked.
   */
  async fetch(request: OriginRequest, from = 0): Promise<UpstreamAnswer> {
    let failure: unknown = breakerOpen()
    let refusal: UpstreamAnswer | null = null
    for (let i = 0; i < this.#guarded.length; i++) {
      const guarded = this.#guarded[(from + i) % this.#guarded.length]!
      const admission = admitted(guarded.breaker, this.#clock.monotonicMs(), this.#options)
      if (admission.kind === 'refuse') continue
      try {
        const answer = await this.#ask(guarded, admission, request)
        if (refusal) void discard(refusal.response)
        if (!failures.has(answer.response.status) || request.body) return answer
        refusal = answer
      } catch (error) {
        failure = error
        if (request.body || request.signal?.aborted) throw error
      }
    }
    if (refusal) return refusal
    throw failure
  }

  /** A read waits for its turn; a probe doesn't, since it finds out for the others, nor does a write, which is S3's to refuse. */
  async #ask(
    guarded: Guarded,
    admission: Admission & { kind: 'pass' | 'probe' },
    request: OriginRequest,
  ): Promise<UpstreamAnswer> {
    guarded.breaker = admission.breaker
    const { turns } = guarded
    const takesTurn = admission.kind === 'pass' && (request.method === 'GET' || request.method === 'HEAD')
    if (!takesTurn) return this.#send(guarded, admission.kind, request)
    const turn = turns.enter(request.signal)
    if (turn !== null) await turn
    try {
      return await this.#send(guarded, admission.kind, request)
    } finally {
      turns.leave()
    }
  }

  async #send(guarded: Guarded, call: 'pass' | 'probe', request: OriginRequest): Promise<UpstreamAnswer> {
    const { origin } = guarded
    const sentMs = this.#clock.monotonicMs()
    try {
      const response = await origin.fetch(request)
      const tookMs = this.#clock.monotonicMs() - sentMs
      const onlyBusy = response.status === 503 && call === 'pass' && !guarded.turns.isSpent(sentMs)
      this.#heard(guarded, response, sentMs)
      const outcome = failures.has(response.status) ? 'dead' : answeredIn(tookMs, this.#options)
      if (!onlyBusy) this.#report(guarded, call, outcome)
      return { response, backend: origin.name, tookMs }
    } catch (error) {
      if (!leftByClient(request.signal)) this.#report(guarded, call, 'dead')
      throw error
    }
  }

  #heard({ origin, turns }: Guarded, response: OriginResponse, sentMs: number): void {
    const wasLimited = turns.isLimited
    turns.heard(response, sentMs)
    if (wasLimited === turns.isLimited) return
    const { name } = origin
    if (wasLimited) this.#log.info('origin takes everything again', { origin: name })
    else this.#log.warn('origin asks for fewer requests', { origin: name, limit: turns.state.limit })
  }

  #report(guarded: Guarded, call: 'pass' | 'probe', outcome: CallOutcome): void {
    const nowMs = this.#clock.monotonicMs()
    const before = guarded.breaker.kind
    guarded.breaker = reported(guarded.breaker, call, outcome, nowMs, this.#options)
    const after = guarded.breaker.kind
    const { name } = guarded.origin
    if (before === 'closed' && after === 'open') this.#log.warn('breaker opened', { origin: name })
    if (before === 'closed' || after !== 'closed') return
    this.#recoveredAtMs = nowMs
    this.#log.info('breaker closed', { origin: name })
  }
}

function breakerOpen(): ProxyError {
  return new ProxyError('every origin is known not to answer', {
    code: 'breaker-open',
    source: 'origin',
    retryable: true,
  })
}

/** An abort says something of the origin only when it was our patience that ended. */
function leftByClient(signal: OriginRequest['signal']): boolean {
  return (
    signal?.aborted === true && !(signal.reason instanceof ProxyError && signal.reason.code === 'deadline')
  )
}

/** Ends an answer whose body nobody wants. */
export async function discard(response: OriginResponse): Promise<void> {
  try {
    await response.body[Symbol.asyncIterator]().return?.()
  } catch {
    // It failed while being thrown away; nobody is left to tell.
  }
}
