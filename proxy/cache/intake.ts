// Takes in one body from the origin, through breaks (it is continued) and through times in which nobody wants it (it
// waits with what has arrived). Flow.
import { ProxyError } from '../errors.ts'
import type { Body } from '../object.ts'
import { abandoned, type FillOptions } from '../policy/cache-lock.ts'
import type { Clock, Log, StoreWriter } from '../ports.ts'
import { checkLength, isResumable, restOfBody } from './continue.ts'
import type { BodyCheck } from './integrity.ts'
import type { Compose } from './outgoing.ts'
import type { Upstream } from './upstream.ts'

/** What is taken in, and where to. */
export interface Delivery {
  readonly key: string
  readonly body: Body
  /** null when the origin didn't say. */
  readonly bodyBytes: number | null
  /** null: it can't be continued. */
  readonly etag: string | null
  readonly writer: StoreWriter
  readonly check: BodyCheck
}

export interface IntakePorts {
  readonly upstream: Upstream
  readonly compose: Compose
  readonly clock: Clock
  readonly log: Log
  /** Whether anybody wants the body. */
  isWanted(): boolean
  /** So many bytes may be handed out: all that is written, but the last ones only once the whole has been checked. */
  onReady(readyBytes: number): void
}

const resumePauseMs = 50

export class Intake {
  readonly #options: FillOptions
  readonly #ports: IntakePorts
  #parked: PromiseWithResolvers<void> | null = null
  #ended: ProxyError | null = null
  #resumes = 0

  constructor(options: FillOptions, ports: IntakePorts) {
    this.#options = options
    this.#ports = ports
  }

  /** The whole body. Never returns short: it throws instead. */
  async receive(delivery: Delivery): Promise<void> {
    let source: Body | null = delivery.body
    for (;;) {
      try {
        source ??= await this.#rest(delivery)
        if ((await this.#drain(source, delivery)) === 'complete') return
        await this.#park()
      } catch (error) {
        await this.#mayResume(error, delivery)
      }
      source = null
    }
  }

  /** Somebody wants the body again. */
  wake(): void {
    this.#parked?.resolve()
  }

  /** It is not to wait for clients any more; one that is being read goes on, but isn't continued if it breaks. */
  endWaiting(because: string): void {
    this.#ended = abandonedBy(because)
    this.#parked?.reject(this.#ended)
  }

  #rest({ writer, etag }: Delivery): Promise<Body> {
    const { upstream, compose } = this.#ports
    const from = Math.max(0, this.#resumes - 1) // first the same origin again, then the next one
    return restOfBody(upstream, compose, {
      etag: etag!,
      first: writer.writtenBytes,
      last: Number.POSITIVE_INFINITY,
      from,
    })
  }

  /** Throws `error` when the body can't be continued after it; waits a little before trying again and again. */
  async #mayResume(error: unknown, { key, etag }: Delivery): Promise<void> {
    if (!isResumable(error) || etag === null) throw error
    if (++this.#resumes > this.#options.resumes) throw error
    this.#ports.log.info('fill continues after a break', { key, because: (error as ProxyError).code })
    if (this.#resumes === 1) return
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#ports.clock.after(resumePauseMs * 2 ** this.#resumes, resolve)
    await promise
  }

  async #drain(source: Body, delivery: Delivery): Promise<'complete' | 'left'> {
    const { writer, bodyBytes, check } = delivery
    for await (const chunk of source) {
      checkLength(writer.writtenBytes + chunk.length, bodyBytes, 'so far')
      check.update(chunk)
      const lagging = writer.write(chunk)
      if (lagging) await lagging
      if (writer.writtenBytes === bodyBytes) await check.verify()
      this.#ports.onReady(writer.writtenBytes)
      if (this.#isAbandoned(delivery)) return 'left'
    }
    checkLength(writer.writtenBytes, bodyBytes, 'in all')
    if (bodyBytes === null) await check.verify()
    return 'complete'
  }

  #isAbandoned({ writer, bodyBytes, etag }: Delivery): boolean {
    if (this.#ports.isWanted() || etag === null || writer.writtenBytes === bodyBytes) return false
    return abandoned(writer.writtenBytes, bodyBytes, this.#options) === 'keep-prefix'
  }

  /** Stands still with what has arrived until a client comes, or for so long that none is to be expected. */
  async #park(): Promise<void> {
    if (this.#ports.isWanted()) return // one came while the origin's body was being closed
    if (this.#ended) throw this.#ended
    const parked = Promise.withResolvers<void>()
    const giveUp = () => parked.reject(abandonedBy('all clients'))
    const cancel = this.#ports.clock.after(this.#options.prefixKeepMs, giveUp)
    this.#parked = parked
    try {
      await parked.promise
    } finally {
      cancel()
      this.#parked = null
    }
  }
}

function abandonedBy(whom: string): ProxyError {
  return new ProxyError(`the fill was abandoned by ${whom}`, { code: 'client-gone', source: 'client' })
}
