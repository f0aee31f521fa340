// Answers reads of objects: what policy/reuse.ts decides of the stored entry is carried out here. What is stored is served
// by stored-replies.ts, what is fetched and stored is in fill.ts, whom S3 lets read in ask-s3.ts. Flow.
import { ProxyError } from '../errors.ts'
import type { EntryMeta, StoredEntry } from '../object.ts'
import { withinWindow } from '../policy/cache-lock.ts'
import type { CacheOutcome } from '../policy/cache-status.ts'
import { reuse } from '../policy/reuse.ts'
import { coversWithStale, type OriginFailure } from '../policy/stale.ts'
import { choose, headFor, relay } from './answer.ts'
import { type Admission, askS3, standingOf } from './ask-s3.ts'
import type { CacheContext, Exchange, Reply } from './exchange.ts'
import type { Fill, FillHead } from './fill.ts'
import { signedObstacle } from './outgoing.ts'
import { passObject } from './pass.ts'
import { denied, onlyIfCached, unavailable } from './refusals.ts'
import { StoredReplies } from './stored-replies.ts'
import { discard, type UpstreamAnswer } from './upstream.ts'
import type { Waiter } from './waiter.ts'
import { within } from './within.ts'

type Answer = Reply | Promise<Reply>

const nothing = () => 0

/** Reasons for not storing that say nothing of the next request for the same object. */
const onlyThisTime: ReadonlySet<string> = new Set(['min-uses', 'request-no-store', 'authorization'])

export class Reads {
  readonly #context: CacheContext
  readonly #stored: StoredReplies

  constructor(context: CacheContext) {
    this.#context = context
    this.#stored = new StoredReplies(context, (exchange, because) =>
      this.#fetch(exchange, undefined, because, false),
    )
  }

  /** Bytes of hot bodies that are held a second time, as parts of whole answers. */
  get repeatedBytes(): number {
    return this.#stored.repeatedBytes
  }

  /** Synchronous when the entry is fresh, its bytes are at hand and nobody has to be asked. */
  read(exchange: Exchange): Answer {
    const { access } = exchange
    if (access.kind === 'denied') return denied(this.#context, exchange, access.because)
    const entry = this.#stored.lookup(exchange)
    if (access.kind === 'ask' && entry) return this.#askBefore(exchange, entry)
    return this.#answer(exchange, entry)
  }

  /** For those who may read the entry. */
  #answer(exchange: Exchange, entry: StoredEntry | undefined): Answer {
    const { clock, upstream, options } = this.#context
    const wallMs = clock.wallMs()
    const decision = reuse(entry, wallMs, upstream.access(), exchange.demands, options)
    switch (decision.kind) {
      case 'hit':
        return this.#stored.serve(exchange, entry!, { word: 'HIT', backend: 'none', ...decision }, wallMs)
      case 'stale':
        return this.#stored.serveStale(exchange, entry!, decision)
      case 'validate':
        return this.#fetch(exchange, entry, decision.because, decision.staleCovers)
      case 'miss':
        return this.#fetch(exchange, undefined, decision.because, false)
      case 'refuse':
        return onlyIfCached(this.#context, exchange)
    }
  }

  /** S3 decides who may read this entry: by what it said before, else by asking it. */
  #askBefore(exchange: Exchange, entry: StoredEntry): Answer {
    const standing = standingOf(this.#context, exchange, entry)
    if (standing.kind === 'serve') {
      const isProbe = standing.because === 'allowed-while-away' && this.#context.upstream.access() === 'probe'
      if (isProbe) void askS3(this.#context, exchange, entry.meta.etag)
      return this.#answer(exchange, entry)
    }
    if (standing.kind === 'unavailable') {
      return unavailable(this.#context, exchange.request, 'MISS', standing.because)
    }
    return this.#asked(exchange, entry)
  }

  async #asked(exchange: Exchange, entry: StoredEntry): Promise<Reply> {
    const admission = await askS3(this.#context, exchange, entry.meta.etag)
    if (admission.kind === 'allowed') return this.#admitted(exchange, entry, admission)
    return this.#notAdmitted(exchange, entry, admission)
  }

  /** A 304 to the client's own request: it may read, and the entry is what S3 has. */
  async #admitted(
    exchange: Exchange,
    entry: StoredEntry,
    admission: Admission & { kind: 'allowed' },
  ): Promise<Reply> {
    const renewed = this.#context.fills.renew(exchange, entry, admission.response)
    const ttlMs = renewed.meta.freshUntilMs - this.#context.clock.wallMs()
    const { backend, tookMs } = admission
    const outcome = {
      word: 'REVALIDATED',
      because: 'allowed-by-origin',
      forwardedStatus: 304,
      ttlMs,
      backend,
    } as const
    return { ...(await this.#stored.serve(exchange, renewed, outcome)), upstreamMs: tookMs }
  }

  async #notAdmitted(
    exchange: Exchange,
    entry: StoredEntry | undefined,
    admission: Exclude<Admission, { kind: 'allowed' }>,
  ): Promise<Reply> {
    const allowedWhileAway = this.#context.allowances.allowedWhileAway(exchange) ? entry : undefined
    switch (admission.kind) {
      case 'changed':
        return this.#fetch(exchange, entry, 'changed', false)
      case 'alone':
        return this.#alone(exchange, allowedWhileAway, admission.because)
      case 'away':
        if (!allowedWhileAway) return unavailable(this.#context, exchange.request, 'MISS', admission.because)
        return this.#stored.serveInstead(exchange, allowedWhileAway, 'allowed-while-away')
      case 'refused': {
        const { answer } = admission
        if (answer.response.status === 404) this.#context.store.remove(exchange.key)
        return this.#relay(answer, 'BYPASS', 'refused-by-origin')
      }
    }
  }

  /** Asks the origin, alone or together with others, and answers with what comes, or with the stale entry. */
  async #fetch(
    exchange: Exchange,
    entry: StoredEntry | undefined,
    because: string,
    staleCovers: boolean,
  ): Promise<Reply> {
    const { fills, clock, options } = this.#context
    const signed = signedObstacle(exchange)
    const covering = staleCovers ? entry : undefined
    if (signed !== null) return this.#alone(exchange, covering, `${signed}-signed`)
    const lock = fills.lock(exchange)
    if (lock.kind === 'alone') return this.#alone(exchange, covering, lock.because)
    const fill = fills.running(exchange) ?? fills.begin(exchange, entry, false)
    const waiter = fill.join()
    const request: Fetch = {
      exchange,
      entry,
      covering,
      because,
      fill,
      waiter,
      collapsed: lock.kind === 'join',
    }
    try {
      const remainingMs = exchange.request.receivedMs + options.deadlineMs - clock.monotonicMs()
      const head = await within(clock, remainingMs, fill.head)
      return await this.#answerWith(head, request)
    } catch (error) {
      waiter.leave()
      return this.#failed(exchange, covering, error)
    }
  }

  async #answerWith(head: FillHead, request: Fetch): Promise<Reply> {
    if (head.kind === 'answer') return this.#answerAlone(head, request)
    const { exchange, fill, waiter } = request
    const { meta } = head.kind === 'filling' ? head : head.entry
    if (exchange.access.kind === 'ask') {
      const refusal = fill.isLeader(waiter) ? null : await this.#askToJoin(exchange, meta, waiter)
      if (refusal) return refusal
      this.#context.allowances.record(exchange)
    }
    if (head.kind === 'filling') return this.#follow(head, request)
    waiter.leave()
    const ttlMs = meta.freshUntilMs - this.#context.clock.wallMs()
    const { because, collapsed } = request
    const { backend, tookMs } = head
    const outcome = { word: 'REVALIDATED', because, forwardedStatus: 304, ttlMs, collapsed, backend } as const
    return { ...(await this.#stored.serve(exchange, head.entry, outcome)), upstreamMs: tookMs }
  }

  /** Another's fetch says nothing of what this client may read. */
  async #askToJoin(exchange: Exchange, meta: EntryMeta, waiter: Waiter): Promise<Reply | null> {
    const admission = await askS3(this.#context, exchange, meta.etag)
    if (admission.kind === 'allowed') return null
    waiter.leave()
    const other = admission.kind === 'changed' ? ({ kind: 'alone', because: 'changed' } as const) : admission
    return this.#notAdmitted(exchange, undefined, other)
  }

  /** The growing body, or the part of it that was asked for. */
  #follow(head: FillHead & { kind: 'filling' }, request: Fetch): Answer {
    const { exchange, waiter, fill, because, collapsed } = request
    const { options, fills } = this.#context
    const { meta, backend } = head
    const headOnly = exchange.request.method === 'HEAD'
    const chosen = choose(meta, exchange.facts)
    if (chosen.kind === 'part' && !withinWindow(chosen.first, fill.receivedBytes, options.fill)) {
      waiter.leave()
      fills.markRangesAlone(exchange.key)
      return this.#alone(exchange, undefined, 'range-ahead-of-fill')
    }
    const word = request.entry ? 'EXPIRED' : 'MISS'
    const outcome: CacheOutcome = {
      word,
      because,
      forwardedStatus: meta.status,
      stored: true,
      collapsed,
      backend,
    }
    const response = headFor(options.name, meta, chosen, outcome, null, headOnly)
    const upstreamBytes = fill.isLeader(waiter) ? () => fill.receivedBytes : nothing
    const reply = { response, outcome, meta, upstreamMs: head.tookMs, upstreamBytes }
    if (headOnly || (chosen.kind !== 'whole' && chosen.kind !== 'part')) {
      waiter.leave()
      return reply
    }
    const body =
      chosen.kind === 'part'
        ? waiter.body(chosen.first, chosen.last)
        : waiter.body(0, Number.POSITIVE_INFINITY)
    return { ...reply, response: { ...response, body } }
  }

  /** The answer wasn't stored: it is for whose request it was; the others ask for themselves. */
  #answerAlone(head: FillHead & { kind: 'answer' }, request: Fetch): Answer {
    const { exchange, waiter, fill, covering } = request
    const { status, because } = head
    const answer = fill.takeAnswer(waiter)
    waiter.leave()
    if (covering && this.#covers({ status })) {
      if (answer) void discard(answer.response)
      return this.#stored.serveInstead(exchange, covering, `http_${status}`)
    }
    if (status === 200 && exchange.request.method === 'GET' && !onlyThisTime.has(because)) {
      this.#context.fills.markAlone(exchange.key, because)
    }
    if (answer && isWhatWasAsked(exchange, status)) {
      return this.#relay(answer, request.entry ? 'EXPIRED' : 'MISS', because)
    }
    if (answer) void discard(answer.response)
    if (status >= 500) return unavailable(this.#context, exchange.request, 'MISS', `http_${status}`)
    return this.#alone(exchange, covering, because)
  }

  /** Passes the client's own request on, past the store. */
  async #alone(exchange: Exchange, covering: StoredEntry | undefined, because: string): Promise<Reply> {
    try {
      const answer = await passObject(this.#context, exchange)
      const { status } = answer.response
      if (covering && this.#covers({ status })) {
        void discard(answer.response)
        return this.#stored.serveInstead(exchange, covering, `http_${status}`)
      }
      if (exchange.access.kind === 'ask' && status < 400) this.#context.allowances.record(exchange)
      return this.#relay(answer, 'BYPASS', because)
    } catch (error) {
      return this.#failed(exchange, covering, error)
    }
  }

  #failed(exchange: Exchange, covering: StoredEntry | undefined, error: unknown): Answer {
    if (!(error instanceof ProxyError)) throw error
    if (covering && this.#covers({ code: error.code })) {
      return this.#stored.serveInstead(exchange, covering, error.code)
    }
    return unavailable(this.#context, exchange.request, 'MISS', error.code)
  }

  #covers(failure: OriginFailure): boolean {
    return coversWithStale(failure, this.#context.options.useStale)
  }

  #relay(answer: UpstreamAnswer, word: 'MISS' | 'EXPIRED' | 'BYPASS', because: string): Reply {
    return relay(this.#context.options.name, answer, word, because)
  }
}

/** A fill asks for the whole object without conditions: its 200 answers no client who asked for a part, or had conditions. */
function isWhatWasAsked({ facts }: Exchange, status: number): boolean {
  return status !== 200 || !facts.conditional
}

interface Fetch {
  readonly exchange: Exchange
  readonly entry: StoredEntry | undefined
  /** The entry, when it may cover a failure. */
  readonly covering: StoredEntry | undefined
  readonly because: string
  readonly fill: Fill
  readonly waiter: Waiter
  readonly collapsed: boolean
}
