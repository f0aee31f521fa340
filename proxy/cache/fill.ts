// One fetch of one object from the origin for any number of waiters: it decides whether the answer may be stored,
// stores it as it comes, and lets every reader follow the growing body at its own pace. Flow.
import { ProxyError } from '../errors.ts'
import type { Body, EntryMeta, HeaderList, StoredEntry } from '../object.ts'
import { ownHeaders } from '../policy/cache-status.ts'
import type { ValidRule } from '../policy/freshness.ts'
import { endToEnd } from '../policy/hop-by-hop.ts'
import { freshened, strongEtag, wholeObjectHeaders } from '../policy/revalidation.ts'
import { storable } from '../policy/storable.ts'
import type { BodyStore, Clock, Log, OriginResponse, StoreWriter } from '../ports.ts'
import { discard, type Upstream, type UpstreamAnswer } from './upstream.ts'

/** What a fill asks for. */
export interface FillOrder {
  readonly key: string
  readonly base: string
  readonly method: string
  readonly target: string
  readonly headers: HeaderList
  /** The expired entry to validate, if there is one. */
  readonly entry: StoredEntry | undefined
  readonly isPublic: boolean
}

export interface FillPorts {
  readonly upstream: Upstream
  readonly store: BodyStore
  readonly clock: Clock
  readonly log: Log
}

/** What came of asking. Resolved once, at the head of the origin's answer. */
export type FillHead =
  /** The body is being stored; read it with `reader`. */
  | { readonly kind: 'filling'; readonly meta: EntryMeta; readonly backend: string }
  /** 304: the entry is fresh again. */
  | { readonly kind: 'revalidated'; readonly entry: StoredEntry; readonly backend: string }
  /** Not to be stored, for one requester only: whoever takes it first with `takeAnswer`. */
  | { readonly kind: 'answer'; readonly status: number; readonly because: string; readonly backend: string }

const readBytes = 131_072

export class Fill {
  readonly key: string
  readonly base: string
  readonly head: Promise<FillHead>
  /** Resolves when nothing more will happen; never rejects. */
  readonly done: Promise<void>
  readonly #order: FillOrder
  readonly #ports: FillPorts
  readonly #rules: readonly ValidRule[]
  readonly #waiters = new Set<Waiter>()
  /** Whose request is sent: the first to join. */
  #leader: Waiter | null = null
  #answer: UpstreamAnswer | null = null
  #writer: StoreWriter | null = null
  #fenced = false
  #committed = false
  #state: 'open' | 'complete' | 'broken' = 'open'
  #settled = false
  #failure: unknown = null
  #progress: PromiseWithResolvers<void> | null = null

  constructor(order: FillOrder, rules: readonly ValidRule[], ports: FillPorts) {
    this.key = order.key
    this.base = order.base
    this.#order = order
    this.#rules = rules
    this.#ports = ports
    const head = Promise.withResolvers<FillHead>()
    this.head = head.promise
    head.promise.catch(() => {})
    this.done = this.#run(head.resolve).catch((error) => {
      head.reject(error)
      this.#break(error)
    })
  }

  /** A write to this object has begun or ended: what is on its way may be the old body and is not to be kept. */
  fence(): void {
    this.#fenced = true
  }

  /** The answer of a head of kind `answer`: for the one whose request it answers, null for those who joined. */
  takeAnswer(waiter: Waiter): UpstreamAnswer | null {
    return waiter === this.#leader ? this.#claim() : null
  }

  /** One more client: the body is kept until it has read what it wants, or left. */
  join(): Waiter {
    const waiter = new Waiter(this, () => {
      this.#waiters.delete(waiter)
      this.#settle()
    })
    this.#waiters.add(waiter)
    this.#leader ??= waiter
    return waiter
  }

  /** The next bytes from `offset`, waiting for them; empty at the end of the body. Throws when the fill broke. */
  async next(offset: number, maxBytes: number): Promise<Uint8Array> {
    const writer = this.#writer
    assertWriter(writer)
    while (offset >= writer.writtenBytes) {
      if (this.#state === 'complete') return new Uint8Array(0)
      if (this.#state === 'broken') throw this.#failure
      this.#progress ??= Promise.withResolvers()
      await this.#progress.promise
    }
    return writer.read(offset, maxBytes)
  }

  async #run(resolve: (head: FillHead) => void): Promise<void> {
    const { method, target, headers, entry } = this.#order
    const conditional = wholeObjectHeaders(headers, entry?.meta.etag ?? null)
    const answer = await this.#ports.upstream.fetch({ method, target, headers: conditional, body: null })
    const { response, backend } = answer
    if (response.status === 304 && entry) return resolve(this.#confirm(entry, answer))
    const decision = storable(response.status, response.headers, this.base, this.#rules)
    if (!decision.store) return resolve(this.#handOver(answer, decision.because))
    if (method === 'HEAD') return resolve(this.#outdated(answer))
    const writer = await this.#ports.store.begin(this.key, decision.bodyBytes)
    if ('refused' in writer) return resolve(this.#handOver(answer, writer.refused))
    this.#writer = writer
    const meta = this.#metaOf(response, decision.bodyBytes ?? 0, decision.freshForMs)
    resolve({ kind: 'filling', meta, backend })
    await this.#pump(response.body, writer, meta)
  }

  #confirm(entry: StoredEntry, answer: UpstreamAnswer): FillHead {
    void discard(answer.response)
    const { store, clock } = this.#ports
    const decision = storable(200, entry.meta.headers, this.base, this.#rules)
    const freshForMs = decision.store ? decision.freshForMs : 0
    const headers = endToEnd(answer.response.headers, droppedFromEntries)
    const meta = freshened(entry.meta, headers, clock.wallMs(), freshForMs)
    if (!this.#fenced) store.update(this.key, meta)
    return { kind: 'revalidated', entry: { key: this.key, meta }, backend: answer.backend }
  }

  /** A HEAD found another object than the entry's: the entry goes, the answer is the client's. */
  #outdated(answer: UpstreamAnswer): FillHead {
    const { entry } = this.#order
    if (entry && strongEtag(answer.response.headers) !== entry.meta.etag) this.#ports.store.remove(this.key)
    return this.#handOver(answer, entry ? 'expired' : 'cold')
  }

  #handOver(answer: UpstreamAnswer, because: string): FillHead {
    this.#answer = answer
    return { kind: 'answer', status: answer.response.status, because, backend: answer.backend }
  }

  #metaOf(response: OriginResponse, bodyBytes: number, freshForMs: number): EntryMeta {
    const wallMs = this.#ports.clock.wallMs()
    return {
      status: response.status,
      headers: endToEnd(response.headers, droppedFromEntries),
      bodyBytes,
      etag: strongEtag(response.headers),
      validatedAtMs: wallMs,
      freshUntilMs: wallMs + freshForMs,
      isPublic: this.#order.isPublic,
    }
  }

  async #pump(body: Body, writer: StoreWriter, meta: EntryMeta): Promise<void> {
    for await (const chunk of body) {
      if (writer.writtenBytes + chunk.length > meta.bodyBytes) throw wrongLength('overlong')
      const lagging = writer.write(chunk)
      if (lagging) await lagging
      this.#wake()
    }
    if (writer.writtenBytes !== meta.bodyBytes) throw wrongLength('truncated')
    await this.#commit(writer, meta)
    this.#state = 'complete'
    this.#wake()
    this.#settle()
  }

  async #commit(writer: StoreWriter, meta: EntryMeta): Promise<void> {
    if (this.#fenced) return
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

  #claim(): UpstreamAnswer | null {
    const answer = this.#answer
    this.#answer = null
    return answer
  }

  /** Frees what the fill holds once it is over and the last waiter has gone. */
  #settle(): void {
    if (this.#waiters.size > 0 || this.#settled) return
    const unwanted = this.#claim()
    if (unwanted) void discard(unwanted.response)
    if (this.#state === 'open' || !this.#writer) return
    this.#settled = true
    if (this.#committed) this.#writer.release()
    else void this.#writer.abort().catch(() => {})
  }
}

/** One client's part in a fill and its way through the body. It must `leave`, or read to the end, or `return`. */
export class Waiter implements AsyncIterableIterator<Uint8Array> {
  readonly fill: Fill
  readonly #onLeave: () => void
  #offset = 0
  #last = Number.POSITIVE_INFINITY
  #open = true

  constructor(fill: Fill, onLeave: () => void) {
    this.fill = fill
    this.#onLeave = onLeave
  }

  /** The body from byte `first` to `last`, inclusive; Infinity for its end. */
  body(first: number, last: number): Body {
    this.#offset = first
    this.#last = last
    return this
  }

  leave(): void {
    if (this.#open) this.#onLeave()
    this.#open = false
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  async next(): Promise<IteratorResult<Uint8Array, undefined>> {
    if (!this.#open || this.#offset > this.#last) return this.return()
    try {
      const chunk = await this.fill.next(this.#offset, Math.min(readBytes, this.#last - this.#offset + 1))
      if (chunk.length === 0) return this.return()
      this.#offset += chunk.length
      return { done: false, value: chunk }
    } catch (error) {
      this.leave()
      throw error
    }
  }

  async return(): Promise<IteratorReturnResult<undefined>> {
    this.leave()
    return { done: true, value: undefined }
  }
}

/** Not kept with an entry: one answer's identity, and what this proxy says itself. */
const droppedFromEntries: readonly string[] = ['x-amz-request-id', 'x-amz-id-2', 'age', ...ownHeaders]

function wrongLength(code: 'truncated' | 'overlong'): ProxyError {
  return new ProxyError(`the origin's body is ${code}`, { code, source: 'origin' })
}

function codeOf(error: unknown): string {
  return error instanceof ProxyError ? error.code : String(error)
}

function assertWriter(writer: StoreWriter | null): asserts writer is StoreWriter {
  if (!writer) throw new Error('a fill was read before its head was known')
}
