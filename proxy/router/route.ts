// The flow of the router role; read this first. A request is tried on one server after the other until one answers,
// within a deadline, and never where it may act twice. What is decided stands in policy/, and is carried out here.
import type { Handler, ProxyRequest, ProxyResponse } from '../object.ts'
import { type Choice, nextServer } from '../policy/failover.ts'
import { afterAttempt, type RetryDecision } from '../policy/retry.ts'
import { afterArrivals } from './after-arrivals.ts'
import { unavailable } from './answer.ts'
import { type Attempt, attempt, drop } from './attempt.ts'
import type { Backend } from './backend.ts'
import { type Onward, readDirectly } from './direct.ts'
import { Exchange, type Termination } from './exchange.ts'
import { Fleet } from './fleet.ts'
import type { RouterOptions, RouterPorts } from './options.ts'
import { type Begin, type Racer, race, racer, type Trigger } from './race.ts'
import { relay } from './relay.ts'

type Chosen = Choice<Backend> & { readonly kind: 'use' }

export interface Router {
  readonly handle: Handler
  readonly fleet: Fleet
  /** Begins to check the servers. */
  start(): void
  /** Ends the checks. Requests that are running go on. */
  close(): void
}

/**
 * The router of one process. Takes traffic at once; checks run from `start()`.
 * `previous`: the router whose place it takes after a reload, so that health and downtime are not forgotten.
 */
export function createRouter(options: RouterOptions, ports: RouterPorts, previous?: Router): Router {
  const fleet = new Fleet(options, ports, previous?.fleet ?? null)
  return {
    fleet,
    handle: (request: ProxyRequest) => route(new Exchange(request, fleet)),
    start: () => fleet.start(),
    close: () => fleet.stop(),
  }
}

function route(exchange: Exchange): ProxyResponse | Promise<ProxyResponse> {
  const choice = nextServer(exchange.order, exchange.tried)
  if (choice.kind === 'none') return refuse(exchange, choice.because)
  const isFirst = exchange.tried.length === 0
  const direct = isFirst && exchange.isRead ? readDirectly(exchange, choice, onward) : null
  return direct ?? ask(exchange, choice).then((ended) => settle(exchange, ended))
}

/** After an attempt: what the client gets, or the next one. */
function settle(exchange: Exchange, ended: Attempt): ProxyResponse | Promise<ProxyResponse> {
  const decision = judge(exchange, ended)
  if (decision.kind === 'retry') {
    ended.backend.counters.retries++
    if (ended.kind === 'answered') drop(ended)
    return route(exchange)
  }
  if (ended.kind === 'answered') return relay(exchange, ended)
  return refuse(exchange, decision.kind === 'give-up' ? decision.because : ended.error.code)
}

const onward: Onward = {
  settle,
  askAnother: (exchange, server, silent, silentMs) =>
    raceFrom(exchange, server, silent, silentMs).then((ended) => settle(exchange, ended)),
}

/** Asks the chosen server; for a read also a second one, when the first stays silent past its time. */
function ask(exchange: Exchange, { server, because }: Chosen): Promise<Attempt> {
  exchange.tried.push(server)
  const first = attemptOn(exchange, server, because)
  if (!exchange.isRead) return first(exchange.patience.signal)
  return raceFrom(exchange, server, racer(exchange, first), 0)
}

function raceFrom(exchange: Exchange, server: Backend, first: Racer, silentMs: number): Promise<Attempt> {
  const triggers = triggersOf(exchange, server, server.backup || exchange.expectsHit)
  return race(exchange, first, silentMs, triggers, (ended) => verdict(exchange, ended).kind === 'answer')
}

/** A miss that was sent just before its node hung, or a hit that found the budget spent, is looked at again. */
const hedgeLooks = 3

/**
 * When another server is asked, too. A hit comes at once or never. A miss waits for S3 as well, where going there
 * directly would not be faster: as long as the node answers others, just the time for another server is left.
 */
function triggersOf(exchange: Exchange, server: Backend, isHit: boolean): Trigger[] {
  const { fleet } = exchange
  const { hedge, deadlineMs } = fleet.options
  const { firstByteMs } = server.server.timeouts
  const hangs = () => isHit || !server.answeredSince(fleet.ports.clock.monotonicMs() - hedge.afterMs)
  const at = (afterMs: number, when: () => boolean, begin: typeof failOver): Trigger => ({
    afterMs,
    second: () => (exchange.sentMs >= 0 && when() ? begin(exchange, server, isHit) : null), // -1: it waits for a connection
  })
  const triggers: Trigger[] = []
  if (hedge.enabled) {
    for (let i = 1; i <= hedgeLooks && i * hedge.afterMs < firstByteMs; i++) {
      triggers.push(at(i * hedge.afterMs, hangs, hedgeWith))
    }
  }
  triggers.push(at(firstByteMs, hangs, failOver))
  if (!isHit) triggers.push(at(Math.max(firstByteMs, (2 / 3) * deadlineMs), () => true, failOver))
  return triggers
}

function failOver(exchange: Exchange, silent: Backend, isHit: boolean): Begin | null {
  silent.silent(exchange.sentMs, isHit)
  return secondAttempt(exchange, 'failover', () => exchange.fleet.mayRetry())
}

/** What becomes of the first attempt no longer matters to the request, but its silence still tells of the server. */
function hedgeWith(exchange: Exchange, silent: Backend, isHit: boolean): Begin | null {
  const { sentMs, fleet } = exchange
  const begin = secondAttempt(exchange, 'hedge', () => fleet.mayHedge())
  if (begin !== null) {
    const silentMs = fleet.ports.clock.monotonicMs() - sentMs
    afterArrivals(fleet.ports.clock, silent.server.timeouts.firstByteMs - silentMs, () => {
      if (!silent.answeredSince(sentMs)) silent.silent(sentMs, isHit)
    })
  }
  return begin
}

/** An attempt bounded by the deadline alone: a silent server may still answer while another one is asked. */
function attemptOn(exchange: Exchange, server: Backend, because: string): Begin {
  return (signal) => attempt(exchange, server, because, exchange.headers, signal, Number.POSITIVE_INFINITY)
}

function secondAttempt(
  exchange: Exchange,
  because: 'failover' | 'hedge',
  mayAsk: () => boolean,
): Begin | null {
  const { fleet, order, tried } = exchange
  const other = nextServer(order, tried)
  if (other.kind === 'none' || tried.length >= fleet.options.retry.attempts || !mayAsk()) return null
  tried.push(other.server)
  exchange.hedged = because === 'hedge'
  return attemptOn(exchange, other.server, because)
}

function verdict(exchange: Exchange, ended: Attempt): RetryDecision {
  const { request, tried, fleet } = exchange
  const bodyTouched = request.body !== null && exchange.patience.bodyTouched
  const view = { method: request.method, bodyTouched, attempts: tried.length }
  const end =
    ended.kind === 'answered'
      ? { kind: ended.kind, status: ended.response.status, byCacheNode: !ended.backend.backup }
      : { kind: ended.kind, code: ended.error.code }
  return afterAttempt(end, view, fleet.options.retry.attempts)
}

/** What to do after an attempt, given whether another server is left and the budget allows to ask it. */
function judge(
  exchange: Exchange,
  ended: Attempt,
): RetryDecision | { readonly kind: 'give-up'; readonly because: string } {
  const decision = verdict(exchange, ended)
  if (decision.kind !== 'retry') return decision
  const anotherIsLeft = nextServer(exchange.order, exchange.tried).kind === 'use'
  if (!anotherIsLeft) return { kind: 'give-up', because: exhausted(decision.because) }
  if (decision.free || exchange.fleet.mayRetry()) return decision
  return { kind: 'give-up', because: 'retry-budget-spent' }
}

/** S3 is there, but didn't answer with the object or begged off: that says more than that nobody is left to ask. */
function exhausted(lastFailure: string): string {
  return lastFailure === 'error-document' || lastFailure === 'slow-down' ? lastFailure : 'all-servers-tried'
}

/** 503 with the reason. */
function refuse(exchange: Exchange, because: string): ProxyResponse {
  const { name } = exchange.fleet.options
  exchange.over(503, null, terminations[because] ?? 'SC', because)
  return unavailable(name, because, exchange.fleet.retryAfterMs(), exchange.request.method)
}

const terminations: Readonly<Record<string, Termination>> = {
  'client-gone': 'CH',
  deadline: 'sH',
  'first-byte-timeout': 'sH',
  'may-have-acted': 'SH',
  'queue-full': 'RQ',
  'queue-timeout': 'sQ',
  'retry-budget-spent': 'RC',
}
