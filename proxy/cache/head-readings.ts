// What the head of a request says by itself, whoever sends it and whenever: nothing here depends on the time, the store or
// what the client may read. A head that comes again and again is read once. Flow.
import type { HeaderList, ProxyRequest } from '../object.ts'
import { type Claim, claimOf } from '../policy/claim.ts'
import { type Subject, subjectOf } from '../policy/key.ts'
import { type RequestFacts, requestFacts } from '../policy/request-facts.ts'

export interface HeadReading {
  readonly facts: RequestFacts
  readonly subject: Subject
  /** null for a request without a signature, and for what is passed on. */
  readonly claim: Claim | null
}

export class HeadReadings {
  readonly #hosts: readonly string[]
  /** For as long as the server keeps the list. */
  readonly #kept = new WeakMap<HeaderList, HeadReading>()

  /** `hosts`: as in `subjectOf`. */
  constructor(hosts: readonly string[]) {
    this.#hosts = hosts
  }

  of(request: ProxyRequest): HeadReading {
    if (!request.isRepeated) return this.#read(request)
    const kept = this.#kept.get(request.headers)
    if (kept !== undefined) return kept
    const reading = this.#read(request)
    this.#kept.set(request.headers, reading)
    return reading
  }

  #read({ method, target, headers }: ProxyRequest): HeadReading {
    const facts = requestFacts(headers)
    const subject = subjectOf({ method, target }, facts, this.#hosts)
    const claim = subject.kind === 'object' ? claimOf(facts, target) : null
    return { facts, subject, claim }
  }
}
