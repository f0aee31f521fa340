// Checks a body against the digest that its origin states, as it comes. Flow.
import { ProxyError } from '../errors.ts'
import type { HeaderList } from '../object.ts'
import { statedDigest } from '../policy/digest.ts'
import type { Digests } from '../ports.ts'

export interface BodyCheck {
  /** False when nothing is stated that could be checked. */
  readonly isReal: boolean
  update(chunk: Uint8Array): void
  /** Rejects with `digest-mismatch` when all the chunks together aren't what the origin stated. */
  verify(): Promise<void>
}

const unchecked: BodyCheck = { isReal: false, update() {}, async verify() {} }

/** By the best digest that is stated; without one the length alone is checked. */
export function bodyCheck(headers: HeaderList, digests: Digests | null): BodyCheck {
  const stated = digests && statedDigest(headers)
  if (!stated) return unchecked
  const running = digests.start(stated.algorithm)
  return {
    isReal: true,
    update: (chunk) => running.update(chunk),
    async verify() {
      if ((await running.value()) !== stated.value) throw mismatch(stated.algorithm)
    },
  }
}

function mismatch(algorithm: string): ProxyError {
  return new ProxyError(`the body is not what its ${algorithm} says`, {
    code: 'digest-mismatch',
    source: 'origin',
  })
}
