// Sends writes on and forgets whatever they may have changed, so that nothing stored contradicts them. Flow.
import { type Body, headerValue, type ProxyRequest } from '../object.ts'
import { type ObjectName, subjectOf } from '../policy/key.ts'
import { answersLate } from '../policy/late-answer.ts'
import { requestFacts } from '../policy/request-facts.ts'
import { isMultiDelete, keysInDelete, maxDeleteBytes, spellings } from '../policy/touched.ts'
import { CountedBody } from './counted-body.ts'
import type { CacheContext } from './exchange.ts'
import type { UpstreamAnswer } from './upstream.ts'

/**
 * A fill that races the write can't store the old body: it is fenced when the write begins and again when it ends.
 * Entries go when the write succeeded, and also when nobody knows whether it did (timeout, reset, 5xx). S3 may answer 200
 * before it has done the work, and with an error in the end: what was stored meanwhile goes when the answer is over.
 */
export async function writeThrough(
  context: CacheContext,
  request: ProxyRequest,
  name: ObjectName,
  send: (request: ProxyRequest) => Promise<UpstreamAnswer>,
): Promise<UpstreamAnswer> {
  const targets = new Targets(context, request, name)
  targets.fence()
  try {
    const answer = await send(targets.watched())
    targets.fence()
    if (!mayHaveActed(answer.response.status)) return answer
    targets.forget(answer)
    return answersLate(request) ? targets.forgottenAgain(answer) : answer
  } catch (error) {
    targets.fence()
    targets.forget(null)
    throw error
  }
}

/** S3 refuses with 3xx and 4xx before it acts; a 5xx leaves open whether it did. A form's success may be a 303. */
function mayHaveActed(status: number): boolean {
  return status < 300 || status === 303 || status >= 500
}

/** The objects a write is about: the one it names, or those in the body of a multi-object delete. */
class Targets {
  readonly #context: CacheContext
  readonly #request: ProxyRequest
  readonly #name: ObjectName
  readonly #isMultiDelete: boolean
  #bases: Set<string>

  constructor(context: CacheContext, request: ProxyRequest, name: ObjectName) {
    this.#context = context
    this.#request = request
    this.#name = name
    this.#isMultiDelete = isMultiDelete(request.method, request.target, name)
    this.#bases = new Set(name.objectKey === '' ? [] : spellings(name.base))
  }

  fence(): void {
    this.#context.fills.fence(this.#bases)
  }

  forget(answer: UpstreamAnswer | null): void {
    const { store, variants } = this.#context
    if (this.#name.objectKey === '' && answer) this.#addFromForm(answer)
    this.fence()
    for (const base of this.#bases) {
      store.remove(base)
      variants.end(base)
    }
  }

  /** The answer, after whose end the objects are forgotten once more. */
  forgottenAgain(answer: UpstreamAnswer): UpstreamAnswer {
    const body = new CountedBody(answer.response.body, () => this.forget(null))
    return { ...answer, response: { ...answer.response, body } }
  }

  /** The request with its body read along where the body names the objects. */
  watched(): ProxyRequest {
    const request = this.#request
    return this.#isMultiDelete && request.body ? withBody(request, this.#reading(request.body)) : request
  }

  async *#reading(body: Body): AsyncGenerator<Uint8Array> {
    const chunks: Uint8Array[] = []
    let bytes = 0
    for await (const chunk of body) {
      bytes += chunk.length
      if (bytes <= maxDeleteBytes) chunks.push(chunk)
      yield chunk
    }
    if (bytes <= maxDeleteBytes) this.#addFromDelete(joined(chunks, bytes))
    else this.#context.log.warn('a multi-object delete was too long to be read along', { bytes })
  }

  #addFromDelete(document: Uint8Array): void {
    const framed = /aws-chunked/i.test(headerValue(this.#request.headers, 'content-encoding') ?? '')
    const bucket = this.#name.base
    this.#bases = new Set(keysInDelete(document, framed).flatMap((key) => spellings(bucket + key)))
    this.fence()
  }

  /** A browser's form (POST to the bucket) names its object only in S3's answer. */
  #addFromForm(answer: UpstreamAnswer): void {
    const location = headerValue(answer.response.headers, 'location')
    if (this.#request.method !== 'POST' || this.#isMultiDelete || location === undefined) return
    const facts = requestFacts(this.#request.headers)
    const subject = subjectOf({ method: 'PUT', target: location }, facts, this.#context.options.hosts)
    if (subject.name) for (const base of spellings(subject.name.base)) this.#bases.add(base)
  }
}

function withBody(request: ProxyRequest, body: Body): ProxyRequest {
  const { method, target, headers, receivedMs, clientAddress, signal } = request
  return { method, target, headers, body, receivedMs, clientAddress, signal }
}

function joined(chunks: readonly Uint8Array[], bytes: number): Uint8Array {
  const whole = new Uint8Array(bytes)
  let at = 0
  for (const chunk of chunks) {
    whole.set(chunk, at)
    at += chunk.length
  }
  return whole
}
