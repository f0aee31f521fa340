// All servers of a router and what they share: the order in which they are asked, the budgets, the journal. Flow.
import { type Node, preference, warmth } from '../policy/balance.ts'
import { isOutlier } from '../policy/health-latency.ts'
import { type Budget, type BudgetOptions, earned, spend, startBudget } from '../policy/retry.ts'
import { Backend } from './backend.ts'
import type { Transition } from './backend-record.ts'
import { ExpectedHits } from './expected-hits.ts'
import { Journal } from './journal.ts'
import type { RouterOptions, RouterPorts, ServerOptions } from './options.ts'
import { Prober } from './probe.ts'
import { Totals } from './totals.ts'
import { Warmer } from './warm.ts'

const expectedHitsKept = 50_000
const maxBudgetRequests = 10_000

/** A share of the requests, kept as a bucket. */
class SharedBudget {
  readonly #options: BudgetOptions
  #budget: Budget

  constructor(ratio: number, perSecond: number, nowMs: number) {
    this.#options = { ratio, perSecond, maxRequests: maxBudgetRequests }
    this.#budget = startBudget(nowMs, this.#options)
  }

  earn(): void {
    this.#budget = earned(this.#budget, this.#options)
  }

  spend(nowMs: number): boolean {
    const { granted, budget } = spend(this.#budget, nowMs, this.#options)
    this.#budget = budget
    return granted
  }
}

export class Fleet {
  readonly options: RouterOptions
  readonly ports: RouterPorts
  readonly journal: Journal
  readonly backends: readonly Backend[]
  readonly totals: Totals
  readonly expectedHits = new ExpectedHits(expectedHitsKept)
  readonly #cacheNodes: readonly Backend[]
  readonly #backups: readonly Backend[]
  readonly #probers: readonly Prober[]
  readonly #warmers: readonly Warmer[]
  readonly #retries: SharedBudget
  readonly #hedges: SharedBudget

  /** `previous`: the fleet before a reload; servers that are still there keep what is known of them. */
  constructor(options: RouterOptions, ports: RouterPorts, previous: Fleet | null) {
    this.options = options
    this.ports = ports
    this.backends = options.servers.map((server) => this.#open(server, previous))
    this.journal = previous?.journal ?? new Journal()
    this.#cacheNodes = this.backends.filter(({ backup }) => !backup)
    this.#backups = this.backends.filter(({ backup }) => backup)
    this.#probers = this.backends.flatMap((backend) =>
      backend.server.check === null ? [] : [new Prober(backend, backend.server.check, ports)],
    )
    this.totals = previous?.totals ?? new Totals(ports)
    const loadPerSecond = () => this.totals.rate.perSecond()
    this.#warmers = this.backends.map((backend) => new Warmer(backend, ports, loadPerSecond))
    const nowMs = ports.clock.monotonicMs()
    this.#retries = new SharedBudget(options.retry.budgetRatio, options.retry.budgetPerSecond, nowMs)
    this.#hedges = new SharedBudget(options.hedge.budgetRatio, 0, nowMs)
  }

  start(): void {
    for (const one of [...this.#probers, ...this.#warmers]) one.start()
  }

  stop(): void {
    for (const one of [...this.#probers, ...this.#warmers]) one.stop()
  }

  /** A request came: its share goes into the budgets. */
  countRequest(nowMs: number): void {
    this.totals.begin(nowMs)
    this.#retries.earn()
    this.#hedges.earn()
  }

  /** The servers in the order in which a request for `key` should try them. */
  orderFor(key: string): readonly Backend[] {
    if (this.#cacheNodes.length < 2) return this.backends
    const nowMs = this.ports.clock.monotonicMs()
    const up = this.#cacheNodes.filter(({ routable }) => routable === 'up')
    const nodes = up.map((backend) => this.#asNode(backend, nowMs))
    return [...preference(nodes, key).map(({ backend }) => backend), ...this.#backups]
  }

  mayRetry(): boolean {
    return this.#retries.spend(this.ports.clock.monotonicMs())
  }

  mayHedge(): boolean {
    return this.options.hedge.enabled && this.#hedges.spend(this.ports.clock.monotonicMs())
  }

  /** When asking again may help: the soonest that checks can bring a server up. */
  retryAfterMs(): number {
    const waits = this.backends.map(({ server }) =>
      server.check ? server.check.downInterMs * server.check.rise : 0,
    )
    return Math.max(1000, Math.min(...waits))
  }

  #open(server: ServerOptions, previous: Fleet | null): Backend {
    const { clock, log, open, timing } = this.ports
    const hooks = {
      onTransition: (transition: Transition) => {
        log.warn('backend changed state', { ...transition })
        this.journal.add(transition)
        // It may have come back with its store lost: what it holds is learnt anew.
        if (transition.to === 'up' && !server.backup) this.expectedHits.clear()
      },
      isOutlier: (): boolean => this.#isOutlier(backend),
      isReplaceable: (): boolean => this.backends.some((one) => one !== backend && one.routable === 'up'),
    }
    const known = previous?.backends.find(
      ({ name, server: { url } }) => name === server.name && url === server.url,
    )
    const backend = new Backend(server, open(server, 'traffic'), this.options, { clock, timing }, hooks)
    if (known) backend.inherit(known)
    return backend
  }

  #isOutlier(backend: Backend): boolean {
    const { slowFactor } = this.options.observe
    if (slowFactor === 0 || backend.backup) return false
    const peers = this.backends.filter((peer) => peer !== backend && peer.routable === 'up')
    return isOutlier(
      backend.latency,
      peers.map(({ latency }) => latency),
      slowFactor,
    )
  }

  #asNode(backend: Backend, nowMs: number): Node & { readonly backend: Backend } {
    const { name, inFlight, because, sinceMs } = backend
    const fresh = because === 'start' ? 1 : warmth(nowMs - sinceMs, this.options.slowStartMs)
    return { name, inFlight, warmth: fresh, backend }
  }
}
