// The cache role, from a request to its answer. Read this first: it decides by policy/reuse.ts whether the store may
// answer, and carries that out. What is fetched and stored is in fill.ts, what is passed on uncached in pass.ts. Flow.
import { ProxyError } from '../errors.ts'
import type { Handler, ProxyRequest, ProxyResponse, StoredEntry } from '../object.ts'
import type { CacheOutcome } from '../policy/cache-status.ts'
import { type ObjectName, subjectOf } from '../policy/key.ts'
import { type RequestFacts, requestFacts } from '../policy/request-facts.ts'
import { type Reuse, reuse } from '../policy/reuse.ts'
import { coversWithStale, type OriginFailure } from '../policy/stale.ts'
import type { BodyStore, Clock, Log, Origin, Random } from '../ports.ts'
import { fromEntry, fromFill, relayed } from './answer.ts'
import { errorAnswer } from './errors.ts'
import { Fill, type FillHead, type Waiter } from './fill.ts'
import type { CacheOptions } from './options.ts'
import { pass } from './pass.ts'
import { discard, Upstream } from './upstream.ts'
import { within } from './within.ts'
import { writeThrough } from './write-through.ts'

export interface CachePorts {
  readonly store: BodyStore
  /** In the order in which they are asked: the primary, then backups. */
  readonly origins: readonly Origin[]
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
}

export interface Cache {
  readonly handle: Handler
  /** For status pages: the origins and their breakers, and what is being filled. */
  state(): { readonly origins: ReturnType<Upstream['states']>; readonly fills: number }
  /** Resolves once every fill that is under way has ended. */
  drain(): Promise<void>
}

/** A request for an object, with what is known of it. */
interface Read {
  readonly request: ProxyRequest
  readonly facts: RequestFacts
  readonly name: ObjectName
  readonly key: string
}

export function createCache(options: CacheOptions, ports: CachePorts): Cache {
  const { store, clock, log } = ports
  const upstream = new Upstream(ports.origins, options.breaker, clock, log)
  const fills = new Map<string, Fill>()

  function handle(request: ProxyRequest): ProxyResponse | Promise<ProxyResponse> {
    const facts = requestFacts(request.headers)
    const subject = subjectOf(request, facts, options.hosts)
    if (subject.kind === 'pass') return passOn(request, subject.name, subject.because)
    return read({ request, facts, name: subject.name, key: subject.key })
  }

  function read(read: Read): ProxyResponse | Promise<ProxyResponse> {
    const entry = store.lookup(read.key)
    const decision = reuse(entry, clock.wallMs(), upstream.access(), options.useStale)
    switch (decision.kind) {
      case 'hit':
        return serve(read, entry!, { word: 'HIT', because: 'fresh', ttlMs: decision.ttlMs, backend: 'none' })
      case 'stale':
        return serveStale(read, entry!, decision)
      case 'validate':
      case 'miss':
        return ask(read, entry, decision.because)
    }
  }

  /** Answers from the store; synchronously when the bytes are in memory. */
  function serve(
    read: Read,
    entry: StoredEntry,
    outcome: CacheOutcome,
  ): ProxyResponse | Promise<ProxyResponse> {
    store.touch(entry.key)
    const answer = fromEntry(options.name, entry, outcome, clock.wallMs())
    if (read.request.method === 'HEAD' || entry.meta.bodyBytes === 0) return answer
    const body = store.read(entry, 0, entry.meta.bodyBytes - 1)
    if (body instanceof Uint8Array) return { ...answer, body }
    return body.then(
      (body) => ({ ...answer, body }),
      (error) => unreadable(read, entry, error),
    )
  }

  /** The store could not read what it holds: the origin is asked before the first byte has gone out. */
  function unreadable(read: Read, entry: StoredEntry, error: unknown): Promise<ProxyResponse> {
    const because = error instanceof ProxyError ? error.code : 'store-io'
    log.warn('stored entry could not be read', { key: entry.key, because })
    if (because === 'corrupt') store.remove(entry.key)
    return ask(read, undefined, because)
  }

  function serveStale(
    read: Read,
    entry: StoredEntry,
    decision: Reuse & { kind: 'stale' },
  ): ProxyResponse | Promise<ProxyResponse> {
    const updating = fillRunning(read) !== undefined
    if (decision.refresh && !updating) refresh(read, entry)
    const word = updating ? 'UPDATING' : 'STALE'
    return serve(read, entry, { word, because: decision.because, ttlMs: decision.ttlMs, backend: 'none' })
  }

  function refresh(read: Read, entry: StoredEntry): void {
    fillFor(read, entry).leave()
  }

  /** The fetch under way that can answer this request: a GET answers a HEAD, but not the other way round. */
  function fillRunning(read: Read): Fill | undefined {
    return fills.get(`GET ${read.key}`) ?? fills.get(`${read.request.method} ${read.key}`)
  }

  /** The cache lock: joins the fill of this key that is under way, or begins one. */
  function fillFor(read: Read, entry: StoredEntry | undefined): Waiter {
    const running = fillRunning(read)
    if (running) return running.join()
    const { method, target, headers } = read.request
    const order = { key: read.key, base: read.name.base, method, target, headers, entry, isPublic: false }
    const fill = new Fill(order, options.valid, { upstream, store, clock, log })
    const slot = `${method} ${read.key}`
    fills.set(slot, fill)
    void fill.done.then(() => {
      if (fills.get(slot) === fill) fills.delete(slot)
    })
    return fill.join()
  }

  /** Asks the origin, alone or with others, and answers with what comes, or with the stale entry. */
  async function ask(read: Read, entry: StoredEntry | undefined, because: string): Promise<ProxyResponse> {
    const collapsed = fillRunning(read) !== undefined
    const waiter = fillFor(read, entry)
    try {
      const head = await within(clock, remainingMs(read.request), waiter.fill.head)
      return await answerWith(head, waiter, read, entry, because, collapsed)
    } catch (error) {
      waiter.leave()
      return failed(read, entry, error)
    }
  }

  async function answerWith(
    head: FillHead,
    waiter: Waiter,
    read: Read,
    entry: StoredEntry | undefined,
    because: string,
    collapsed: boolean,
  ): Promise<ProxyResponse> {
    const { backend } = head
    const word = entry ? 'EXPIRED' : 'MISS'
    if (head.kind === 'filling') {
      const outcome = {
        word,
        because,
        forwardedStatus: head.meta.status,
        stored: true,
        collapsed,
        backend,
      } as const
      return fromFill(options.name, head.meta, waiter, read.request.method, outcome)
    }
    if (head.kind === 'revalidated') {
      waiter.leave()
      const ttlMs = head.entry.meta.freshUntilMs - clock.wallMs()
      const outcome = {
        word: 'REVALIDATED',
        because,
        forwardedStatus: 304,
        ttlMs,
        collapsed,
        backend,
      } as const
      return serve(read, head.entry, outcome)
    }
    const { status } = head
    const answer = waiter.fill.takeAnswer(waiter)
    waiter.leave()
    if (entry && coversWithStale({ status }, options.useStale)) {
      if (answer) void discard(answer.response)
      return serve(read, entry, staleOutcome(entry, `http_${status}`))
    }
    if (answer)
      return relayed(options.name, answer, { word, because: head.because, forwardedStatus: status, backend })
    if (status >= 500) return unavailable(read.request, 'MISS', `http_${status}`)
    return passOn(read.request, read.name, head.because)
  }

  function failed(
    read: Read,
    entry: StoredEntry | undefined,
    error: unknown,
  ): ProxyResponse | Promise<ProxyResponse> {
    if (!(error instanceof ProxyError)) throw error
    const failure: OriginFailure = { code: error.code }
    if (entry && coversWithStale(failure, options.useStale))
      return serve(read, entry, staleOutcome(entry, error.code))
    return unavailable(read.request, 'MISS', error.code)
  }

  function staleOutcome(entry: StoredEntry, because: string): CacheOutcome {
    return { word: 'STALE', because, ttlMs: entry.meta.freshUntilMs - clock.wallMs(), backend: 'none' }
  }

  function unavailable(request: ProxyRequest, word: 'MISS' | 'BYPASS', because: string): ProxyResponse {
    log.debug('nothing could serve a request', { because })
    return errorAnswer(
      options.name,
      { word, because, backend: 'none' },
      {
        status: 503,
        message: 'The object is not in the cache and its origin does not answer. Please try again.',
        retryAfterMs: upstream.retryAfterMs(),
        headOnly: request.method === 'HEAD',
      },
    )
  }

  async function passOn(
    request: ProxyRequest,
    name: ObjectName | null,
    because: string,
  ): Promise<ProxyResponse> {
    const send = () => pass(request, upstream, clock, options.deadlineMs)
    try {
      const answer = await (name && changes(request.method) ? writeThrough(name, send, fence) : send())
      const outcome = { word: 'BYPASS', because, forwardedStatus: answer.response.status } as const
      return relayed(options.name, answer, { ...outcome, backend: answer.backend })
    } catch (error) {
      if (error instanceof ProxyError) return unavailable(request, 'BYPASS', error.code)
      throw error
    }
  }

  /** Nothing fetched before now may be kept for this object. */
  function fence(name: ObjectName, forgetEntry: boolean): void {
    for (const [slot, fill] of fills) {
      if (fill.base !== name.base) continue
      fill.fence()
      fills.delete(slot)
    }
    if (forgetEntry) store.remove(name.base)
  }

  function remainingMs(request: ProxyRequest): number {
    return request.receivedMs + options.deadlineMs - clock.monotonicMs()
  }

  return {
    handle,
    state: () => ({ origins: upstream.states(), fills: fills.size }),
    drain: async () => {
      await Promise.all([...fills.values()].map((fill) => fill.done))
    },
  }
}

/** Methods that may change what the origin holds. */
function changes(method: string): boolean {
  return method !== 'GET' && method !== 'HEAD' && method !== 'OPTIONS'
}
