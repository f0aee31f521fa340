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

/** An attempt that may lose. */
export interface Racer {
  readonly attempt: Promise<Attempt>
  /** Ends the attempt, or throws its answer away. */
  lose(): void
}

/** An attempt that ends with the request, or when it loses. */
export function racer(exchange: Exchange, begin: Begin): Racer {
  const stop = new Stop()
  stop.follow(exchange.patience.signal)
  const attempt = begin(stop)
  return { attempt, lose: () => abandon(stop, attempt) }
}

/** Aborts an attempt whose answer nobody takes any more. */
export function abandon(stop: Stop, attempt: Promise<Attempt>): void {
  stop.abort()
  void attempt.then(
    (ended) => ended.kind === 'answered' && drop(ended),
    () => {},
  )
}

/**
 * The first answer for which `isGood` holds, of `one`, which has been silent for `silentMs`, and of the second that one
 * of the triggers begins. They come in order of time. A failure, or an answer that isn't good, is returned when nothing
 * else is under way; the loser is aborted.
 */
export function race(
  exchange: Exchange,
  one: Racer,
  silentMs: number,
  triggers: readonly Trigger[],
  isGood: (attempt: Attempt) => boolean,
): Promise<Attempt> {
  const [trigger, ...later] = triggers
  if (trigger === undefined) return one.attempt
  const goOn = async (): Promise<Attempt> => {
    const begin = trigger.second()
    if (begin === null) return race(exchange, one, Math.max(silentMs, trigger.afterMs), later, isGood)
    return firstGood([one, racer(exchange, begin)], isGood)
  }
  return trigger.afterMs > silentMs ? unlessSilent(exchange, one, trigger.afterMs - silentMs, goOn) : goOn()
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
