// Holds a body that nobody has verified before to the digest its head states, across servers that continue one another.
// Without it a body that a cache node broke off because it was wrong would be completed from elsewhere. Flow.
import { type BodyCheck, bodyCheck } from '../cache/integrity.ts'
import { headerValue } from '../object.ts'
import { speaksForItself } from './answer.ts'
import type { Answered } from './attempt.ts'
import type { Exchange } from './exchange.ts'

/** What a cache node says of bodies that come, verified, from its store. */
const fromStore: ReadonlySet<string | undefined> = new Set(['HIT', 'STALE', 'UPDATING', 'REVALIDATED'])

export class Scrutiny {
  readonly #check: BodyCheck | null
  #missingBytes = Number.NaN

  /** `answered`: the answer whose head the client gets. */
  constructor(exchange: Exchange, answered: Answered) {
    const { headers } = answered.response
    this.#check = needsCheck(exchange, answered) ? bodyCheck(headers, exchange.fleet.ports.digests) : null
    if (this.#check) this.#missingBytes = Number(headerValue(headers, 'content-length') ?? Number.NaN)
  }

  /** Takes the next piece before the client does. Throws `digest-mismatch` for the one that completes a wrong body. */
  admit(piece: Uint8Array): void {
    if (this.#check === null) return
    this.#missingBytes -= piece.length
    this.#check.update(piece)
    if (this.#missingBytes === 0) this.#check.verify()
  }
}

/** A whole object that does not come from a cache node's store. A part has no digest that could be checked. */
function needsCheck(exchange: Exchange, { response, backend }: Answered): boolean {
  if (exchange.request.method !== 'GET' || response.status !== 200) return false
  const isFromStore = fromStore.has(headerValue(response.headers, 'x-cache-status'))
  return !(isFromStore && speaksForItself(response.headers, backend))
}
