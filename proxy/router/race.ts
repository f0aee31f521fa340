// Asks a second server when the first one stays silent, and takes whichever answers first. The first one is not given
// up: slow beats none, and on a machine short of CPU all of them are slow. Flow.
import type { Signal } from '../object.ts'
import { afterArrivals } from './after-arrivals.ts'
import { type Attempt, drop } from './attempt.ts'
import type { Exchange } from './exchange.ts'
import { Stop } from './stop.ts'

/** Begins an attempt that ends with `signal`. */
export type Begin = (signal: Signal) => Promise<Attempt>

/** After `afterMs` of silence `second` begins another attempt; null: no server is left, or no budget. */
export interface Trigger {
  readonly afterMs: number
  readonly second: () => Begin | null
}

/**
 * The first answer for which `isGood` holds, of `first` and of the second that one of the triggers begins. They come in
 * order of time, and are made once the first is due, after `quietMs`: most attempts end sooner. A failure, or an answer
 * that isn't good, is returned when nothing else is under way; the loser is aborted.
 */
export function race(
  exchange: Exchange,
  first: Begin,
  quietMs: number,
  triggers: () => readonly Trigger[],
  isGood: (attempt: Attempt) => boolean,
): Promise<Attempt> {
  const one = new Racer(first, exchange.patience.signal)
  return unlessSilent(exchange, one, quietMs, async () => askAnother(exchange, one, triggers(), isGood))
}

/** The first of the triggers is due. */
function askAnother(
  exchange: Exchange,
  one: Racer,
  [trigger, ...later]: readonly Trigger[],
  isGood: (attempt: Attempt) => boolean,
): Promise<Attempt> {
  const begin = trigger!.second()
  if (begin !== null) return firstGood([one, new Racer(begin, exchange.patience.signal)], isGood)
  if (later.length === 0) return one.attempt
  const moreMs = later[0]!.afterMs - trigger!.afterMs
  return unlessSilent(exchange, one, moreMs, async () => askAnother(exchange, one, later, isGood))
}

/** The attempt if it ends within `ms`, else what `onSilence` brings. */
function unlessSilent(
  exchange: Exchange,
  { attempt }: Racer,
  ms: number,
  onSilence: () => Promise<Attempt>,
): Promise<Attempt> {
  return new Promise((resolve, reject) => {
    const cancel = afterArrivals(exchange.fleet.ports.clock, ms, () => resolve(onSilence()))
    const end = (ended: Attempt) => {
      cancel()
      resolve(ended)
    }
    attempt.then(end, (error) => {
      cancel()
      reject(error)
    })
  })
}

class Racer {
  readonly attempt: Promise<Attempt>
  readonly #stop = new Stop()

  constructor(begin: Begin, signal: Signal) {
    const lose = () => this.#stop.abort(signal.reason)
    if (signal.aborted) lose()
    else signal.addEventListener('abort', lose, { once: true })
    this.attempt = begin(this.#stop)
  }

  lose(): void {
    this.#stop.abort()
    void this.attempt.then(
      (attempt) => attempt.kind === 'answered' && drop(attempt),
      () => {},
    )
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
