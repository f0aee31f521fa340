// Answers from what is stored: fresh, stale, or in place of what the origin failed to give. Flow.
import { ProxyError } from '../errors.ts'
import type { StoredEntry } from '../object.ts'
import type { CacheOutcome } from '../policy/cache-status.ts'
import type { Reuse } from '../policy/reuse.ts'
import { selects } from '../policy/vary.ts'
import type { Stored } from '../ports.ts'
import { choose, headFor } from './answer.ts'
import type { CacheContext, Exchange, Reply } from './exchange.ts'
import { signedObstacle } from './outgoing.ts'
import { ReadyAnswers } from './ready-answers.ts'

type Answer = Reply | Promise<Reply>

const nothing = () => 0

export class StoredReplies {
  readonly #context: CacheContext
  readonly #fetchInstead: (exchange: Exchange, because: string) => Answer
  readonly #ready = new ReadyAnswers()

  /** `fetchInstead`: answers when the store can't read what it holds. */
  constructor(context: CacheContext, fetchInstead: (exchange: Exchange, because: string) => Answer) {
    this.#context = context
    this.#fetchInstead = fetchInstead
  }

  /** Bytes of hot bodies that are held a second time, as parts of whole answers. */
  get repeatedBytes(): number {
    return this.#ready.repeatedBytes
  }

  /** The entry for this request, fresh or not. */
  lookup({ key, name, request }: Exchange): StoredEntry | undefined {
    const { store, variants } = this.#context
    const entry = store.lookup(key)
    if (entry === undefined) return undefined
    if (key !== name.base && !variants.isCurrent(name.base, entry)) return undefined
    return selects(entry.meta.selecting, request.headers) ? entry : undefined
  }

  /** Answers from the store; synchronously when the bytes are at hand. `wallMs`: when `outcome` was decided. */
  serve(
    exchange: Exchange,
    entry: StoredEntry,
    outcome: CacheOutcome,
    wallMs = this.#context.clock.wallMs(),
  ): Answer {
    const { store, options } = this.#context
    const { meta } = entry
    store.touch(entry.key)
    const headOnly = exchange.request.method === 'HEAD'
    const chosen = choose(meta, exchange.facts)
    const replyWith = (body: Stored | null): Reply => {
      const head = headFor(options.name, meta, chosen, outcome, wallMs, headOnly)
      const response = body === null ? head : { ...head, body }
      return { response, outcome, meta, upstreamMs: null, upstreamBytes: nothing }
    }
    const first = chosen.kind === 'part' ? chosen.first : 0
    const last = chosen.kind === 'part' ? chosen.last : meta.bodyBytes - 1
    if (headOnly || last < first || (chosen.kind !== 'whole' && chosen.kind !== 'part'))
      return replyWith(null)
    const body = store.read(entry, first, last)
    if (body instanceof Promise)
      return body.then(replyWith, (error) => this.#unreadable(exchange, entry, error))
    const isPlain = chosen.kind === 'whole' && outcome.word === 'HIT' && outcome.because === 'fresh'
    if (!isPlain || !exchange.request.isRepeated || !(body instanceof Uint8Array)) return replyWith(body)
    return this.#ready.reply(entry, body, wallMs, () => replyWith(body))
  }

  serveStale(exchange: Exchange, entry: StoredEntry, decision: Reuse & { kind: 'stale' }): Answer {
    const { fills, upstream, options, random } = this.#context
    const updating = fills.isRefreshing(exchange)
    if (decision.refresh && signedObstacle(exchange) === null && !upstream.slowedDown()) {
      const jitterMs = upstream.recovering(options.recoveryJitterMs) ? options.recoveryJitterMs : 0
      fills.refresh(exchange, entry, jitterMs * random.next())
    }
    const { because, ttlMs } = decision
    return this.serve(exchange, entry, {
      word: updating ? 'UPDATING' : 'STALE',
      because,
      ttlMs,
      backend: 'none',
    })
  }

  /** The entry, fresh or stale, in place of what the origin could not give. */
  serveInstead(exchange: Exchange, entry: StoredEntry, because: string): Answer {
    const ttlMs = entry.meta.freshUntilMs - this.#context.clock.wallMs()
    return this.serve(exchange, entry, { word: ttlMs > 0 ? 'HIT' : 'STALE', because, ttlMs, backend: 'none' })
  }

  /** The origin is asked before the first byte has gone out. */
  #unreadable(exchange: Exchange, entry: StoredEntry, error: unknown): Answer {
    if (!(error instanceof ProxyError)) throw error
    this.#context.log.warn('a stored entry could not be read', { key: entry.key, because: error.code })
    if (error.code === 'corrupt') this.#context.store.remove(entry.key)
    return this.#fetchInstead(exchange, error.code)
  }
}
