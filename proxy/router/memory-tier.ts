// Small hot objects kept in the router itself, so that a hit crosses no network and a node's death goes unnoticed. Flow.
// What is kept is served by the cache role's own code, with its conditions, ranges and authorisation; what isn't takes
// the router's way untouched.
import { type CachePorts, createCache } from '../cache/handle.ts'
import type { CacheOptions } from '../cache/options.ts'
import { type EntryMeta, headerValue, type ProxyRequest, type ProxyResponse } from '../object.ts'
import { ownHeaders } from '../policy/cache-status.ts'
import { statedAgeMs } from '../policy/freshness.ts'
import { endToEnd } from '../policy/hop-by-hop.ts'
import { type ObjectName, subjectOf } from '../policy/key.ts'
import { requestFacts } from '../policy/request-facts.ts'
import { storable } from '../policy/storable.ts'
import type { Origin } from '../ports.ts'
import type { Router } from './route.ts'
import { TeeBody } from './tee.ts'

export interface MemoryTierOptions {
  /** How long objects are fresh here, who may read them, and the rest of the cache role's rules. */
  readonly cache: CacheOptions
  readonly maxObjectBytes: number
}

export type MemoryTierPorts = Omit<CachePorts, 'origins' | 'accessLog'>

/** An object that was kept. */
interface Known {
  readonly key: string
  /** Wall time at which the read that filled it began. */
  readonly sinceMs: number
}

/** An object that is being kept. A write to it meanwhile makes what comes worthless. */
interface Filling {
  overtaken: boolean
}

/** Known objects beyond those in the store after which the dead ones are dropped. */
const spareKnown = 1024

export class MemoryTier {
  readonly #router: Router
  readonly #options: MemoryTierOptions
  readonly #ports: MemoryTierPorts
  readonly #cache
  readonly #known = new Map<string, Known>()
  readonly #filling = new Map<string, Filling>()
  /** After a request that may have touched many objects, nothing older counts. */
  #forgetBeforeMs = 0

  constructor(router: Router, options: MemoryTierOptions, ports: MemoryTierPorts) {
    this.#router = router
    this.#options = options
    this.#ports = ports
    this.#cache = createCache(options.cache, { ...ports, origins: [asOrigin(router)], accessLog: null })
  }

  /** Synchronous for a hit that nobody has to be asked for. */
  readonly handle = (request: ProxyRequest): ProxyResponse | Promise<ProxyResponse> => {
    if (request.method !== 'GET' && request.method !== 'HEAD') return this.#write(request)
    const id = `${request.target} ${headerValue(request.headers, 'host')}`
    const entry = this.#lookup(id)
    if (entry === undefined) return this.#forward(request, id)
    if (entry.meta.freshUntilMs > this.#ports.clock.wallMs()) return this.#hit(request)
    return this.#renew(request, id)
  }

  #lookup(id: string) {
    const known = this.#known.get(id)
    if (known === undefined) return undefined
    const entry = known.sinceMs > this.#forgetBeforeMs ? this.#ports.store.lookup(known.key) : undefined
    if (entry === undefined) this.#known.delete(id)
    return entry
  }

  #hit(request: ProxyRequest): ProxyResponse | Promise<ProxyResponse> {
    const { totals } = this.#router.fleet
    totals.begin(request.receivedMs)
    const answer = this.#cache.handle(request)
    if (answer instanceof Promise) {
      return answer.then(
        (response) => this.#counted(request, response),
        (error) => {
          totals.end(500, 0, -1, false)
          throw error
        },
      )
    }
    return this.#counted(request, answer)
  }

  #counted(request: ProxyRequest, response: ProxyResponse): ProxyResponse {
    const { totals, options } = this.#router.fleet
    const { clock, log } = this.#ports
    const bytes = response.body instanceof Uint8Array ? response.body.length : 0
    const ms = clock.monotonicMs() - request.receivedMs
    totals.end(response.status, bytes, ms, true)
    totals.memoryHits++
    if (options.logRequests === 'all') {
      const { method, target, clientAddress: client } = request
      const path = target.split('?', 1)[0]!
      log.info('request', {
        method,
        path,
        client,
        status: response.status,
        backend: 'memory',
        termination: '--',
        bytes,
      })
    }
    return response
  }

  /** Past its freshness: asked for anew; served stale when nobody answers. */
  async #renew(request: ProxyRequest, id: string): Promise<ProxyResponse> {
    const response = await this.#forward(request, id)
    const nobody = response.status === 503 && headerValue(response.headers, 'x-backend') === 'none'
    return nobody ? this.#hit(request) : response
  }

  async #forward(request: ProxyRequest, id: string): Promise<ProxyResponse> {
    const startedMs = this.#ports.clock.wallMs()
    const response = await this.#router.handle(request)
    if (request.method !== 'GET' || request.target.includes('?')) return response
    return this.#keep(request, response, id, startedMs)
  }

  /** The answer, and a copy of it for the store when it is worth one. */
  #keep(request: ProxyRequest, response: ProxyResponse, id: string, startedMs: number): ProxyResponse {
    const { body } = response
    if (response.status !== 200 || body === null) return response
    const facts = requestFacts(request.headers)
    const { cache, maxObjectBytes } = this.#options
    const subject = subjectOf(request, facts, cache.hosts)
    if (subject.kind === 'pass' || subject.key !== subject.name.base || facts.conditional) return response
    const decision = storable(200, response.headers, subject.name.base, facts, cache)
    if (!decision.store || decision.bodyBytes === null || decision.bodyBytes > maxObjectBytes) return response
    if (headerValue(response.headers, 'vary') !== undefined || this.#filling.has(subject.key)) return response
    const validatedAtMs = startedMs - statedAgeMs(response.headers)
    const meta: EntryMeta = {
      status: 200,
      headers: endToEnd(response.headers, [...ownHeaders, 'age', 'x-amz-request-id', 'x-amz-id-2']),
      bodyBytes: decision.bodyBytes,
      etag: headerValue(response.headers, 'etag') ?? null,
      validatedAtMs,
      freshUntilMs: validatedAtMs + decision.freshForMs,
      isPublic: facts.authorization === undefined,
    }
    const filling: Filling = { overtaken: false }
    this.#filling.set(subject.key, filling)
    const onEnd = (pieces: readonly Uint8Array[] | null) =>
      void this.#store(id, { key: subject.key, sinceMs: startedMs }, meta, filling, pieces)
    if (!(body instanceof Uint8Array)) {
      const { status, headers } = response
      return { status, headers, body: new TeeBody(body, decision.bodyBytes, onEnd) }
    }
    onEnd([body])
    return response
  }

  async #store(
    id: string,
    known: Known,
    meta: EntryMeta,
    filling: Filling,
    pieces: readonly Uint8Array[] | null,
  ) {
    const { store, log } = this.#ports
    try {
      if (pieces === null) return
      const writer = await store.begin(known.key, meta.bodyBytes)
      if ('refused' in writer) return
      for (const piece of pieces) await writer.write(piece)
      const overtaken = filling.overtaken || known.sinceMs <= this.#forgetBeforeMs
      if (overtaken) return await writer.abort()
      await writer.commit(meta)
      writer.release()
      this.#remember(id, known)
    } catch (error) {
      log.warn('an object was not kept in memory', { because: String(error) })
    } finally {
      this.#filling.delete(known.key)
    }
  }

  #remember(id: string, known: Known): void {
    this.#known.set(id, known)
    const { store } = this.#ports
    if (this.#known.size <= 2 * store.stats().entries + spareKnown) return
    for (const [other, { key }] of this.#known) if (store.lookup(key) === undefined) this.#known.delete(other)
  }

  /** A write outdates what is kept from when it begins (it may act at once) until it has ended (a read may overtake it). */
  async #write(request: ProxyRequest): Promise<ProxyResponse> {
    const { name } = subjectOf(request, requestFacts(request.headers), this.#options.cache.hosts)
    this.#forget(name)
    try {
      return await this.#router.handle(request)
    } finally {
      this.#forget(name)
    }
  }

  /** A request to a bucket (deleting many objects, or the bucket) may touch any object. */
  #forget(name: ObjectName | null): void {
    if (name === null || name.objectKey === '') {
      this.#forgetBeforeMs = this.#ports.clock.wallMs()
      return
    }
    this.#ports.store.remove(name.base)
    const filling = this.#filling.get(name.base)
    if (filling) filling.overtaken = true
  }
}

/** The router as the origin of its own memory: what is asked for is sent its way. */
function asOrigin(router: Router): Origin {
  const { clock } = router.fleet.ports
  const never = new AbortController().signal
  return {
    name: 'router',
    async fetch({ method, target, headers, body, signal = never }) {
      const request = {
        method,
        target,
        headers,
        body,
        receivedMs: clock.monotonicMs(),
        clientAddress: '',
        signal,
      }
      const { status, headers: answered, body: sent } = await router.handle(request)
      return { status, headers: answered, body: inPieces(sent) }
    },
  }
}

async function* inPieces(body: ProxyResponse['body']): AsyncGenerator<Uint8Array> {
  if (body instanceof Uint8Array) yield body
  else if (body !== null) yield* body
}
