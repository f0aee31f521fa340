// When requests are due: arithmetic on a seed, blind to how the system answers. No clock, no timers.
import type { Draw } from './random.ts'

/**
 * Intended starts, ms from the phase's beginning, ascending and below `durationMs`. `constant` spaces them evenly;
 * `poisson` draws independent gaps, as a crowd of clients who don't know of each other does.
 */
export function* arrivals(
  kind: 'poisson' | 'constant',
  ratePerSecond: number,
  durationMs: number,
  draw: Draw,
): Generator<number, void> {
  const meanGapMs = 1000 / ratePerSecond
  if (kind === 'constant') {
    for (let i = 0; i * meanGapMs < durationMs; i++) yield i * meanGapMs
    return
  }
  let dueMs = exponentialGap(meanGapMs, draw)
  for (; dueMs < durationMs; dueMs += exponentialGap(meanGapMs, draw)) yield dueMs
}

const exponentialGap = (meanMs: number, draw: Draw): number => -Math.log(1 - draw()) * meanMs
