// Times of the last minute or two in HDR histograms, for quantiles on the admin page. An adapter of `Timing`.
import { build, type Histogram } from 'hdr-histogram-js'
import type { Clock } from '../ports.ts'
import type { Timing } from '../router/options.ts'

const windowMs = 60_000
/** An hour; longer times count as one. */
const highestMicros = 3_600_000_000

/** Quantiles over the current window and the one before it, so that old trouble does not colour the present. */
export function createTiming(clock: Clock): Timing {
  let [current, previous] = [emptyHistogram(), emptyHistogram()]
  let startedMs = clock.monotonicMs()
  const turn = () => {
    const windows = Math.floor((clock.monotonicMs() - startedMs) / windowMs)
    if (windows === 0) return
    startedMs += windows * windowMs
    const spare = previous
    previous = current
    current = spare
    current.reset()
    if (windows > 1) previous.reset()
  }
  return {
    record(ms) {
      turn()
      current.recordValue(Math.min(highestMicros, Math.max(1, Math.round(ms * 1000))))
    },
    quantile(q) {
      turn()
      const both = emptyHistogram()
      both.add(previous)
      both.add(current)
      return both.totalCount === 0 ? 0 : both.getValueAtPercentile(100 * q) / 1000
    },
  }
}

function emptyHistogram(): Histogram {
  return build({
    bitBucketSize: 32,
    lowestDiscernibleValue: 1,
    highestTrackableValue: highestMicros,
    numberOfSignificantValueDigits: 2,
  })
}
