// Holds an answer that nobody has verified before to what it claims to be. An error document with status 200 is no
// object; a body is held to the digest its head states, across servers that continue one another: without that, a body
// that a cache node broke off because it was wrong would be completed from elsewhere. Flow.
import { type BodyCheck, bodyCheck } from '../cache/integrity.ts'
import { headerValue } from '../object.ts'
import { subjectOf } from '../policy/key.ts'
import { requestFacts } from '../policy/request-facts.ts'
import { errorDocument, isErrorDocument } from '../policy/storable.ts'
import type { OriginRequest, OriginResponse } from '../ports.ts'
import { speaksForItself } from './answer.ts'
import type { Answered } from './attempt.ts'
import type { Backend } from './backend.ts'
import { discard } from './body.ts'
import type { Exchange } from './exchange.ts'

/** What a cache node says of bodies that come, verified, from its store. */
const fromStore: ReadonlySet<string | undefined> = new Set(['HIT', 'STALE', 'UPDATING', 'REVALIDATED'])

/**
 * The answer, or that to asking once more, where a read of an object was answered 200 with an error document. Rejects
 * with `error-document` when that is one too, or the retry budget is spent.
 */
export async function pastErrorDocument(
  exchange: Exchange,
  backend: Backend,
  response: OriginResponse,
  asked: OriginRequest,
): Promise<OriginResponse> {
  if (!isForObject(exchange, backend)) return response
  await discard(response.body)
  if (!exchange.fleet.mayRetry()) throw errorDocument()
  backend.counters.retries++
  const second = await backend.ask(asked)
  if (!saysError(second)) return second
  await discard(second.body)
  throw errorDocument()
}

/** Looks like an error document with status 200; a bucket's listing looks so too. */
export function saysError({ status, headers }: OriginResponse): boolean {
  return isErrorDocument(status, headers, 's3')
}

/** Not a bucket's listing, nor a sub-resource: these are documents by right. */
function isForObject({ request }: Exchange, { server }: Backend): boolean {
  const host = server.serverName ?? new URL(server.url).hostname
  return subjectOf(request, requestFacts(request.headers), [host]).kind === 'object'
}

export class Scrutiny {
  readonly #check: BodyCheck | null
  #missingBytes = Number.NaN

  /** `answered`: the answer whose head the client gets. */
  constructor(exchange: Exchange, answered: Answered) {
    const { headers } = answered.response
    this.#check = needsCheck(exchange, answered) ? bodyCheck(headers, exchange.fleet.ports.digests) : null
    if (this.#check) this.#missingBytes = Number(headerValue(headers, 'content-length') ?? Number.NaN)
  }

  /** False for a body that was verified before, or states nothing to hold it to. */
  get isNeeded(): boolean {
    return this.#check?.isReal === true
  }

  /**
   * Takes the next piece before the client does. A promise for the one that completes the body: it rejects with
   * `digest-mismatch` when that is a wrong one.
   */
  admit(piece: Uint8Array): Promise<void> | null {
    if (this.#check === null) return null
    this.#missingBytes -= piece.length
    this.#check.update(piece)
    return this.#missingBytes === 0 ? this.#check.verify() : null
  }
}

/** A whole object that does not come from a cache node's store. A part has no digest that could be checked. */
function needsCheck(exchange: Exchange, { response, backend }: Answered): boolean {
  if (exchange.request.method !== 'GET' || response.status !== 200) return false
  const isFromStore = fromStore.has(headerValue(response.headers, 'x-cache-status'))
  return !(isFromStore && speaksForItself(response.headers, backend))
}
