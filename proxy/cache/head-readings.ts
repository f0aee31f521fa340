// What the head of a request says by itself, whoever sends it and whenever: nothing here depends on the time, the store or
// what the client may read. A head that comes again comes with the very same list of headers and is not read again. Flow.
import type { HeaderList, ProxyRequest } from '../object.ts'
import { type Claim, claimOf } from '../policy/claim.ts'
import { type Subject, subjectOf } from '../policy/key.ts'
import { type RequestFacts, requestFacts } from '../policy/request-facts.ts'

export interface HeadReading {
  readonly method: string
  readonly target: string
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

  of({ method, target, headers }: ProxyRequest): HeadReading {
    const kept = this.#kept.get(headers)
    if (kept !== undefined && kept.target === target && kept.method === method) return kept
    const facts = requestFacts(headers)
    const subject = subjectOf({ method, target }, facts, this.#hosts)
    const claim = subject.kind === 'object' ? claimOf(facts, target) : null
    const reading = { method, target, facts, subject, claim }
    // Signed heads differ from second to second.
    if (subject.kind === 'object' && claim === null) this.#kept.set(headers, reading)
    return reading
  }
}
