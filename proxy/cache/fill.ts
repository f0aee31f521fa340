// One fetch of one object from the origin for any number of waiters: it decides whether the answer may be stored,
// stores it as it comes, continues it when it breaks, and lets every waiter follow at its own pace. Flow.
import { ProxyError } from '../errors.ts'
import type { Body, EntryMeta, HeaderList, StoredEntry } from '../object.ts'
import { abandoned, type FillOptions } from '../policy/cache-lock.ts'
import type { RequestFacts } from '../policy/request-facts.ts'
import { confirms, supersedes, validators } from '../policy/revalidation.ts'
import { type StorableRules, storable } from '../policy/storable.ts'
import type { BodyStore, Clock, Digests, Log, StoreWriter } from '../ports.ts'
import { checkLength, isResumable, restOfBody } from './continue.ts'
import { newEntry, renewed } from './entries.ts'
import { type BodyCheck, bodyCheck } from './integrity.ts'
import type { Compose } from './outgoing.ts'
import { discard, type Upstream, type UpstreamAnswer } from './upstream.ts'
import type { Variants } from './variants.ts'
import { type GrowingBody, Waiter } from './waiter.ts'

/** What a fill is to fetch. */
export interface FillOrder {
  readonly key: string
  readonly base: string
  readonly facts: RequestFacts
  /** The client's, for what the answer varies on. */
  readonly requestHeaders: HeaderList
  readonly compose: Compose
  /** The entry to validate, if there is one. */
  readonly entry: StoredEntry | undefined
  /** Sent without credentials: what comes may go to anybody. */
  readonly unsigned: boolean
  /** Nobody waits for it, and it is finished all the same. */
  readonly background: boolean
}

export interface FillPorts {
  readonly upstream: Upstream
  readonly store: BodyStore
  readonly variants: Variants
  readonly clock: Clock
  readonly log: Log
  readonly digests: Digests | null
}

/** What came of asking. Resolved once, at the head of the origin's answer. */
export type FillHead =
  /** The body is being stored: waiters may read it. */
  | { readonly kind: 'filling'; readonly meta: EntryMeta; readonly backend: string; readonly tookMs: number }
  /** 304: the entry is fresh again. */
  | {
      readonly kind: 'revalidated'
      readonly entry: StoredEntry
      readonly backend: string
      readonly tookMs: number
    }
  /** Not to be stored: for the one whose request it was, see `takeAnswer`. */
  | { readonly kind: 'answer'; readonly status: number; readonly because: string; readonly backend: string }

export class Fill implements GrowingBody {
  readonly key: string
  readonly base: string
  readonly head: Promise<FillHead>
  /** Resolves when nothing more will happen; never rejects. */
  readonly done: Promise<void>
  readonly #order: FillOrder
  readonly #ports: FillPorts
  readonly #rules: StorableRules
  readonly #options: FillOptions
  readonly #waiters = new Set<Waiter>()
  /** Whose request is sent: the first to join. */
  #leader: Waiter | null = null
  #answer: UpstreamAnswer | null = null
  #writer: StoreWriter | null = null
  /** Bytes that may be handed out: all that is written, but the last ones only once the whole has been checked. */
  #readyBytes = 0
  #fenced = false
  #committed = false
  #draining = false
  #settled = false
  #state: 'open' | 'complete' | 'broken' = 'open'
  #failure: unknown = null
  #progress: PromiseWithResolvers<void> | null = null
  #parked: PromiseWithResolvers<void> | null = null
  #etag: string | null = null
  #resumes = 0

  constructor(order: FillOrder, rules: StorableRules, options: FillOptions, ports: FillPorts) {
    this.key = order.key
    this.base = order.base
    this.#order = order
    this.#rules = rules
    this.#options = options
    this.#ports = ports
    const head = Promise.withResolvers<FillHead>()
    this.head = head.promise
    head.promise.catch(() => {})
    this.done = this.#run(head.resolve).catch((error) => {
      head.reject(error)
      this.#break(error)
    })
  }

  get receivedBytes(): number {
    return this.#writer?.writtenBytes ?? 0
  }

  /** One more client: the body is kept until it has read what it wants, or left. */
  join(): Waiter {
    const waiter = new Waiter(this, () => {
      this.#waiters.delete(waiter)
      this.#settle()
    })
    this.#waiters.add(waiter)
    this.#leader ??= waiter
    this.#parked?.resolve()
    return waiter
  }

  isLeader(waiter: Waiter): boolean {
    return waiter === this.#leader
  }

  /** The answer of a head of kind `answer`: for the one whose request it answers, null for those who joined. */
  takeAnswer(waiter: Waiter): UpstreamAnswer | null {
    return waiter === this.#leader ? this.#claimAnswer() : null
  }

  /** A write to this object has begun or ended: what is on its way may be the old body and is not to be kept. */
  fence(): void {
    this.#fenced = true
    this.#parked?.reject(abandonedBy('a write'))
  }

  /** The proxy is about to end: what nobody waits for is given up, what clients read goes on. */
  drain(): void {
    this.#draining = true
    this.#parked?.reject(abandonedBy('the shutdown'))
  }

  async next(offset: number, maxBytes: number): Promise<Uint8Array> {
    const writer = this.#writer
    if (!writer) throw new Error('a fill was read before its head was known')
    while (offset >= this.#readyBytes) {
      if (this.#state === 'complete') return new Uint8Array(0)
      if (this.#state === 'broken') throw this.#failure
      this.#progress ??= Promise.withResolvers()
      await this.#progress.promise
    }
    return writer.read(offset, Math.min(maxBytes, this.#readyBytes - offset))
  }

  direct(first: number, last: number): Promise<Body> {
    const { upstream } = this.#ports
    if (this.#etag === null)
      throw new ProxyError('the body cannot be continued', { code: 'truncated', source: 'origin' })
    return restOfBody(upstream, this.#order.compose, { etag: this.#etag, first, last, from: 0 })
  }

  async #run(resolve: (head: FillHead) => void): Promise<void> {
    const { compose, entry, facts } = this.#order
    const { clock } = this.#ports
    const request = compose(validators(entry?.meta.etag ?? null))
    const answer = await this.#ports.upstream.fetch({ ...request, body: null })
    const { response, backend, tookMs } = answer
    if (entry && confirms(request.method, response, entry.meta.etag))
      return resolve(this.#confirm(entry, answer))
    const decision = storable(response.status, response.headers, this.base, facts, this.#rules)
    if (entry && supersedes(request.method, response.status, decision.store))
      this.#ports.store.remove(this.key)
    if (!decision.store) return resolve(this.#handOver(answer, decision.because))
    if (request.method === 'HEAD') return resolve(this.#handOver(answer, entry ? 'expired' : 'cold'))
    const generation = this.key === this.base ? undefined : await this.#ports.variants.generation(this.base)
    if (generation === null) return resolve(this.#handOver(answer, 'store-full'))
    const writer = await this.#ports.store.begin(this.key, decision.bodyBytes)
    if ('refused' in writer) return resolve(this.#handOver(answer, writer.refused))
    this.#writer = writer
    const meta = newEntry(this.#order, response, decision, this.#rules.profile, generation, clock.wallMs())
    this.#etag = meta.etag
    resolve({ kind: 'filling', meta, backend, tookMs })
    await this.#store(response.body, writer, meta, decision.bodyBytes)
  }

  /** RFC 9111 §4.3.4: the stored answer takes the newer headers of the 304 and is fresh by them. */
  #confirm(entry: StoredEntry, answer: UpstreamAnswer): FillHead {
    void discard(answer.response)
    const { store, clock } = this.#ports
    const { response } = answer
    const meta = renewed(entry.meta, response.headers, this.#order, this.#rules, clock.wallMs())
    if (!this.#fenced) store.update(this.key, meta)
    const { backend, tookMs } = answer
    return { kind: 'revalidated', entry: store.lookup(this.key) ?? entry, backend, tookMs }
  }

  #handOver(answer: UpstreamAnswer, because: string): FillHead {
    this.#answer = answer
    return { kind: 'answer', status: answer.response.status, because, backend: answer.backend }
  }

  async #store(body: Body, writer: StoreWriter, meta: EntryMeta, bodyBytes: number | null): Promise<void> {
    const { digests } = this.#ports
    const check = bodyCheck(meta.headers, this.#options.verifyDigest && meta.status === 200 ? digests : null)
    await this.#receive(body, writer, bodyBytes, check)
    const length = ['Content-Length', String(writer.writtenBytes)]
    const headers = bodyBytes === null ? [...meta.headers, ...length] : meta.headers
    if (!this.#fenced) await this.#commit(writer, { ...meta, headers, bodyBytes: writer.writtenBytes })
    this.#state = 'complete'
    this.#wake()
    this.#settle()
  }

  /** The whole body, through breaks and waits. Never returns short: it throws instead. */
  async #receive(
    first: Body,
    writer: StoreWriter,
    bodyBytes: number | null,
    check: BodyCheck,
  ): Promise<void> {
    let source: Body | null = first
    for (;;) {
      try {
        source ??= await this.#rest(writer.writtenBytes)
        if ((await this.#drain(source, writer, bodyBytes, check)) === 'complete') return
        await this.#park()
      } catch (error) {
        await this.#mayResume(error)
      }
      source = null
    }
  }

  #rest(first: number): Promise<Body> {
    const from = Math.max(0, this.#resumes - 1)
    const last = Number.POSITIVE_INFINITY
    return restOfBody(this.#ports.upstream, this.#order.compose, { etag: this.#etag!, first, last, from })
  }

  /** Throws `error` when the body can't be continued after it; waits a little before trying again and again. */
  async #mayResume(error: unknown): Promise<void> {
    if (!isResumable(error) || this.#etag === null || this.#fenced) throw error
    if (++this.#resumes > this.#options.resumes) throw error
    this.#ports.log.info('fill continues after a break', { key: this.key, because: codeOf(error) })
    if (this.#resumes === 1) return
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#ports.clock.after(resumePauseMs * 2 ** this.#resumes, resolve)
    await promise
  }

  async #drain(
    source: Body,
    writer: StoreWriter,
    bodyBytes: number | null,
    check: BodyCheck,
  ): Promise<'complete' | 'left'> {
    for await (const chunk of source) {
      checkLength(writer.writtenBytes + chunk.length, bodyBytes, 'so far')
      check.update(chunk)
      const lagging = writer.write(chunk)
      if (lagging) await lagging
      if (writer.writtenBytes === bodyBytes) check.verify()
      this.#readyBytes = writer.writtenBytes
      this.#wake()
      if (this.#isAbandoned(bodyBytes)) return 'left'
    }
    checkLength(writer.writtenBytes, bodyBytes, 'in all')
    return 'complete'
  }

  #isAbandoned(bodyBytes: number | null): boolean {
    if (this.#waiters.size > 0 || this.#order.background || this.#etag === null) return false
    return (
      this.receivedBytes !== bodyBytes &&
      abandoned(this.receivedBytes, bodyBytes, this.#options) === 'keep-prefix'
    )
  }

  /** Stands still with what has arrived until a client comes, or for so long that none is to be expected. */
  async #park(): Promise<void> {
    if (this.#fenced || this.#draining) throw abandonedBy('a write or the shutdown')
    if (this.#waiters.size > 0) return // one came while the origin's body was being closed
    const parked = Promise.withResolvers<void>()
    const cancel = this.#ports.clock.after(this.#options.prefixKeepMs, () =>
      parked.reject(abandonedBy('all clients')),
    )
    this.#parked = parked
    try {
      await parked.promise
    } finally {
      cancel()
      this.#parked = null
    }
  }

  async #commit(writer: StoreWriter, meta: EntryMeta): Promise<void> {
    await writer.commit(meta)
    this.#committed = true
    if (this.#fenced) this.#ports.store.remove(this.key)
  }

  #break(error: unknown): void {
    this.#state = 'broken'
    this.#failure = error
    if (this.#writer) this.#ports.log.warn('fill broke', { key: this.key, because: codeOf(error) })
    this.#wake()
    this.#settle()
  }

  #wake(): void {
    this.#progress?.resolve()
    this.#progress = null
  }

  #claimAnswer(): UpstreamAnswer | null {
    const answer = this.#answer
    this.#answer = null
    return answer
  }

  /** Frees what the fill holds once it is over and the last waiter has gone. */
  #settle(): void {
    if (this.#waiters.size > 0 || this.#settled) return
    const unwanted = this.#claimAnswer()
    if (unwanted) void discard(unwanted.response)
    if (this.#state === 'open' || !this.#writer) return
    this.#settled = true
    if (this.#committed) this.#writer.release()
    else void this.#writer.abort().catch(() => {})
  }
}

const resumePauseMs = 50

function abandonedBy(whom: string): ProxyError {
  return new ProxyError(`the fill was abandoned by ${whom}`, { code: 'client-gone', source: 'client' })
}

function codeOf(error: unknown): string {
  return error instanceof ProxyError ? error.code : String(error)
}
