// Checks a body against the digest that its origin states, as it comes. Flow.
import { ProxyError } from '../errors.ts'
import type { HeaderList } from '../object.ts'
import { statedDigests } from '../policy/digest.ts'
import type { Digests } from '../ports.ts'

export interface BodyCheck {
  /** False when nothing is stated that could be checked. */
  readonly isReal: boolean
  update(chunk: Uint8Array): void
  /** Throws `digest-mismatch` when all the chunks together aren't what the origin stated. */
  verify(): void
}

const unchecked: BodyCheck = { isReal: false, update() {}, verify() {} }

/** By the best digest that is both stated and available; without one the length alone is checked. */
export function bodyCheck(headers: HeaderList, digests: Digests | null): BodyCheck {
  if (!digests) return unchecked
  for (const { algorithm, value } of statedDigests(headers)) {
    const running = digests.start(algorithm)
    if (!running) continue
    return {
      isReal: true,
      update: (chunk) => running.update(chunk),
      verify() {
        if (running.value() !== value) throw mismatch(algorithm)
      },
    }
  }
  return unchecked
}

function mismatch(algorithm: string): ProxyError {
  return new ProxyError(`the body is not what its ${algorithm} says`, {
    code: 'digest-mismatch',
    source: 'origin',
  })
}
