// How most reads go: the first server answers before anything else is due, so nothing is made for them but what that
// takes. A read that turns out otherwise goes on as any request does (route.ts), with what is under way. Flow.
import type { ProxyResponse } from '../object.ts'
import type { Choice } from '../policy/failover.ts'
import { type Asker, Asking, type Attempt } from './attempt.ts'
import type { Backend } from './backend.ts'
import type { Waiting } from './due.ts'
import type { Exchange } from './exchange.ts'
import { abandon, type Racer } from './race.ts'
import { Stop } from './stop.ts'

/** How a request goes on (route.ts). */
export interface Onward {
  /** An attempt has ended. */
  settle(exchange: Exchange, ended: Attempt): ProxyResponse | Promise<ProxyResponse>
  /** It has been silent for `silentMs`, and may still answer. */
  askAnother(exchange: Exchange, server: Backend, silent: Racer, silentMs: number): Promise<ProxyResponse>
}

/** The answer to a read; null, and nothing done, when its server has no connection to spare or its deadline is near. */
export function readDirectly(
  exchange: Exchange,
  { server, because }: Choice<Backend> & { readonly kind: 'use' },
  onward: Onward,
): Promise<ProxyResponse> | null {
  const nowMs = exchange.fleet.ports.clock.monotonicMs()
  if (exchange.deadlineMs < nowMs + server.quietMs || !server.gate.tryEnter(exchange.expectsHit)) return null
  exchange.tried.push(server)
  return new Promise((resolve, reject) => {
    new DirectRead(exchange, server, onward, resolve, reject).begin(because, nowMs)
  })
}

class DirectRead implements Asker, Waiting {
  dueMs = 0
  earlier: Waiting | null = null
  later: Waiting | null = null
  readonly #exchange: Exchange
  readonly #server: Backend
  readonly #onward: Onward
  readonly #resolve: (answer: ProxyResponse | Promise<ProxyResponse>) => void
  readonly #reject: (mistake: unknown) => void
  readonly #stop = new Stop()
  /** Others are asked, too: what waits for its end. */
  #racing: PromiseWithResolvers<Attempt> | null = null

  constructor(
    exchange: Exchange,
    server: Backend,
    onward: Onward,
    resolve: (answer: ProxyResponse | Promise<ProxyResponse>) => void,
    reject: (mistake: unknown) => void,
  ) {
    this.#exchange = exchange
    this.#server = server
    this.#onward = onward
    this.#resolve = resolve
    this.#reject = reject
  }

  begin(because: string, nowMs: number): void {
    const { request, headers } = this.#exchange
    const { method, target } = request
    this.#stop.follow(request.signal)
    const firstByteMs = Number.POSITIVE_INFINITY
    const asked = { method, target, headers, body: null, signal: this.#stop, firstByteMs }
    this.#server.quiet.add(this, nowMs)
    new Asking(this.#exchange, this.#server, because, asked, this).send(nowMs)
  }

  ended(attempt: Attempt): void {
    this.#server.quiet.remove(this)
    if (this.#racing !== null) this.#racing.resolve(attempt)
    else this.#settle(attempt)
  }

  broke(mistake: unknown): void {
    this.#server.quiet.remove(this)
    if (this.#racing !== null) this.#racing.reject(mistake)
    else this.#reject(mistake)
  }

  #settle(attempt: Attempt): void {
    try {
      this.#resolve(this.#onward.settle(this.#exchange, attempt))
    } catch (mistake) {
      this.#reject(mistake)
    }
  }

  /** From now on the request's deadline ends it, or that it loses. */
  due(): void {
    this.#stop.follow(this.#exchange.patience.signal)
    this.#racing = Promise.withResolvers()
    const attempt = this.#racing.promise
    const racer = { attempt, lose: () => abandon(this.#stop, attempt) }
    this.#resolve(this.#onward.askAnother(this.#exchange, this.#server, racer, this.#server.quietMs))
  }
}
