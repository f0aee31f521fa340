// One fetch of one object from the origin for any number of waiters: it decides whether the answer may be stored,
// stores it as it comes, continues it when it breaks, and lets every waiter follow at its own pace. Flow.
import { type ErrorCode, ProxyError } from '../errors.ts'
import { type Body, type EntryMeta, type HeaderList, headerValue, type StoredEntry } from '../object.ts'
import type { FillOptions } from '../policy/cache-lock.ts'
import type { RequestFacts } from '../policy/request-facts.ts'
import { confirms, supersedes, validators } from '../policy/revalidation.ts'
import {
  errorDocument,
  isErrorDocument,
  type Storable,
  type StorableRules,
  storable,
} from '../policy/storable.ts'
import type { BodyStore, Clock, Digests, Log, StoreWriter } from '../ports.ts'
import { restOfBody } from './continue.ts'
import { newEntry, renewed } from './entries.ts'
import { Intake } from './intake.ts'
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

const notTheObject: ReadonlySet<ErrorCode> = new Set(['digest-mismatch', 'error-document'])

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
  readonly #intake: Intake
  readonly #waiters = new Set<Waiter>()
  /** Whose request is sent: the first to join. */
  #leader: Waiter | null = null
  #answer: UpstreamAnswer | null = null
  #writer: StoreWriter | null = null
  /** Bytes that may be handed out. */
  #readyBytes = 0
  #state: 'open' | 'complete' | 'broken' = 'open'
  #failure: unknown = null
  /** A write to the object has begun since: what comes may be the old body and is not to be kept. */
  #fenced = false
  #committed = false
  /** Neither origin nor store have anything more to do with it. */
  #isOver = false
  #isReleased = false
  /** Readers may have had bytes of the body. */
  #isSeen = false
  #progress: PromiseWithResolvers<void> | null = null
  #etag: string | null = null

  constructor(order: FillOrder, rules: StorableRules, options: FillOptions, ports: FillPorts) {
    this.key = order.key
    this.base = order.base
    this.#order = order
    this.#rules = rules
    this.#options = options
    this.#ports = ports
    this.#intake = new Intake(options, {
      ...ports,
      compose: order.compose,
      isWanted: () => order.background || this.#waiters.size > 0,
      onReady: (bytes) => this.#ready(bytes),
    })
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
    this.#intake.wake()
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
    this.#intake.endWaiting('a write')
  }

  /** The proxy is about to end: what nobody waits for is given up, what clients read goes on. */
  drain(): void {
    this.#intake.endWaiting('the shutdown')
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
    if (this.#etag === null) {
      throw new ProxyError('the body cannot be continued', { code: 'truncated', source: 'origin' })
    }
    return restOfBody(upstream, this.#order.compose, { etag: this.#etag, first, last, from: 0 })
  }

  /** What is not the object (an error document, a small body that its digest contradicts) is asked for once more: nobody has seen it yet. */
  async #run(resolve: (head: FillHead) => void): Promise<void> {
    try {
      await this.#fetch(resolve)
    } catch (error) {
      if (this.#isSeen || !(error instanceof ProxyError && notTheObject.has(error.code))) throw error
      this.#ports.log.warn('the origin sent what is not the object', { key: this.key, because: error.code })
      await this.#writer?.abort()
      this.#writer = null
      this.#readyBytes = 0
      await this.#fetch(resolve)
    }
  }

  async #fetch(resolve: (head: FillHead) => void): Promise<void> {
    const { compose, entry } = this.#order
    const request = compose(validators(entry?.meta.etag ?? null))
    const answer = await this.#ports.upstream.fetch({ ...request, body: null })
    const { response } = answer
    if (entry && confirms(request.method, response, entry.meta.etag)) {
      return resolve(this.#confirm(entry, answer))
    }
    if (isErrorDocument(response.status, response.headers, this.#rules.profile)) {
      await discard(response)
      throw errorDocument()
    }
    const decision = storable(response.status, response.headers, this.base, this.#order.facts, this.#rules)
    if (entry && supersedes(request.method, response.status, decision.store)) {
      this.#ports.store.remove(this.key)
    }
    if (!decision.store) return resolve(this.#handOver(answer, decision.because))
    if (request.method === 'HEAD') return resolve(this.#handOver(answer, entry ? 'expired' : 'cold'))
    await this.#storeAnswer(answer, decision, resolve)
  }

  async #storeAnswer(
    answer: UpstreamAnswer,
    decision: Storable & { readonly store: true },
    resolve: (head: FillHead) => void,
  ): Promise<void> {
    const { variants, store, clock } = this.#ports
    const generation = this.key === this.base ? undefined : await variants.generation(this.base)
    if (generation === null) return resolve(this.#handOver(answer, 'store-full'))
    const writer = await store.begin(this.key, decision.bodyBytes)
    if ('refused' in writer) return resolve(this.#handOver(answer, writer.refused))
    const { response, backend, tookMs } = answer
    const meta = newEntry(this.#order, response, decision, this.#rules.profile, generation, clock.wallMs())
    this.#writer = writer
    this.#etag = meta.etag
    const { key } = this
    const { body } = response
    const check = this.#checkOf(meta)
    const show = (): undefined => {
      this.#isSeen = true
      resolve({ kind: 'filling', meta, backend, tookMs })
    }
    const waitMs = check.isReal && meta.bodyBytes <= verifiedFirstBytes ? verifiedFirstMs : 0
    const cancel = waitMs > 0 ? clock.after(waitMs, show) : show()
    try {
      await this.#intake.receive({ key, body, bodyBytes: decision.bodyBytes, etag: meta.etag, writer, check })
    } catch (error) {
      if (isOfStore(error)) show() // the store has failed, not the origin: each reader goes on by itself
      throw error
    } finally {
      cancel?.()
    }
    this.#end('complete')
    show()
    await this.#commit(writer, withLength(meta, writer.writtenBytes))
    this.#isOver = true
    this.#settle()
  }

  #checkOf(meta: EntryMeta): BodyCheck {
    const isWanted = this.#options.verifyDigest && meta.status === 200
    return bodyCheck(meta.headers, isWanted ? this.#ports.digests : null)
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

  /** A store that can't commit loses the entry; the body is complete all the same. */
  async #commit(writer: StoreWriter, meta: EntryMeta): Promise<void> {
    if (this.#fenced) return
    try {
      await writer.commit(meta)
      this.#committed = true
      if (this.#fenced) this.#ports.store.remove(this.key)
    } catch (error) {
      if (!isOfStore(error)) throw error
      this.#ports.log.warn('an entry could not be committed', { key: this.key, because: codeOf(error) })
    }
  }

  #ready(bytes: number): void {
    this.#readyBytes = bytes
    this.#wake()
  }

  #break(error: unknown): void {
    this.#failure = error
    if (this.#writer) this.#ports.log.warn('fill broke', { key: this.key, because: codeOf(error) })
    this.#end('broken')
    this.#isOver = true
    this.#settle()
  }

  #end(state: 'complete' | 'broken'): void {
    this.#state = state
    this.#wake()
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
    if (this.#waiters.size > 0 || this.#isReleased) return
    const unwanted = this.#claimAnswer()
    if (unwanted) void discard(unwanted.response)
    if (!this.#isOver || !this.#writer) return
    this.#isReleased = true
    if (this.#committed) this.#writer.release()
    else void this.#writer.abort().catch(() => {})
  }
}

/**
 * Bodies up to this size whose digest is stated are checked before the answer begins, if they are there in this time;
 * others before it ends.
 */
const verifiedFirstBytes = 65_536
const verifiedFirstMs = 100

/** A body whose length the origin didn't state has one now. */
function withLength(meta: EntryMeta, bodyBytes: number): EntryMeta {
  if (headerValue(meta.headers, 'content-length') !== undefined) return meta
  return { ...meta, bodyBytes, headers: [...meta.headers, 'Content-Length', String(bodyBytes)] }
}

function isOfStore(error: unknown): boolean {
  return error instanceof ProxyError && error.source === 'store'
}

function codeOf(error: unknown): string {
  return error instanceof ProxyError ? error.code : String(error)
}
