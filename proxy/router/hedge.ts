// Asks a second server when the first one stays silent, and takes whichever answers first. Flow.
import { type Attempt, drop } from './attempt.ts'
import type { Exchange } from './exchange.ts'

/** Begins an attempt that ends with `signal`. */
export type Begin = (signal: AbortSignal) => Promise<Attempt>

/**
 * The first answer of `first` and, after `afterMs` without one, of what `second` begins (null: no server or budget for
 * it). A failure waits for the other attempt; the loser is aborted. `isGood` tells an answer worth taking.
 */
export async function hedged(
  exchange: Exchange,
  first: Begin,
  second: () => Begin | null,
  isGood: (attempt: Attempt) => boolean,
): Promise<Attempt> {
  const { fleet, patience } = exchange
  const racers: Racer[] = [new Racer(first, patience.signal)]
  const silence = Promise.withResolvers<null>()
  const cancel = fleet.ports.clock.after(fleet.options.hedge.afterMs, () => silence.resolve(null))
  const early = await Promise.race([racers[0]!.attempt, silence.promise])
  cancel()
  if (early !== null) return early
  const begin = second()
  if (begin === null) return racers[0]!.attempt
  exchange.hedged = true
  racers.push(new Racer(begin, patience.signal))
  return firstGood(racers, isGood)
}

class Racer {
  readonly attempt: Promise<Attempt>
  readonly #controller = new AbortController()

  constructor(begin: Begin, signal: AbortSignal) {
    this.attempt = begin(AbortSignal.any([this.#controller.signal, signal]))
  }

  lose(): void {
    this.#controller.abort()
    void this.attempt.then((attempt) => attempt.kind === 'answered' && drop(attempt))
  }
}

async function firstGood(racers: readonly Racer[], isGood: (attempt: Attempt) => boolean): Promise<Attempt> {
  const finished = racers.map((racer) => racer.attempt.then((attempt) => ({ racer, attempt })))
  const one = await Promise.race(finished)
  const other = racers.find((racer) => racer !== one.racer)!
  if (isGood(one.attempt)) {
    other.lose()
    return one.attempt
  }
  const two = await other.attempt
  if (!isGood(two) && one.attempt.kind === 'answered') {
    if (two.kind === 'answered') drop(two)
    return one.attempt
  }
  if (one.attempt.kind === 'answered') drop(one.attempt)
  return two
}
