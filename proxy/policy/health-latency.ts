// Decides whether a server is a latency outlier: alive, but far slower than the others would be. Pure.

/** A moving average of times to the first byte. */
export interface Latency {
  readonly averageMs: number
  readonly samples: number
}

export const noLatency: Latency = { averageMs: 0, samples: 0 }

const weight = 0.1
/** Fewer samples say nothing, and nobody minds a server that is slow in single milliseconds. */
const minSamples = 20
const minSlowMs = 50

/** The average with one more sample, weighing 10 %. */
export function withSample(latency: Latency, ms: number): Latency {
  const averageMs = latency.samples === 0 ? ms : latency.averageMs + weight * (ms - latency.averageMs)
  return { averageMs, samples: latency.samples + 1 }
}

/**
 * Slower than `slowFactor` times the median of its peers, the servers that would take over from it. Without a peer
 * that is known to be faster nothing is an outlier: the last server is never given up for being slow.
 */
export function isOutlier(latency: Latency, peers: readonly Latency[], slowFactor: number): boolean {
  if (slowFactor === 0 || latency.samples < minSamples || latency.averageMs < minSlowMs) return false
  const known = peers.filter(({ samples }) => samples > 0).map(({ averageMs }) => averageMs)
  if (known.length === 0) return false
  known.sort((a, b) => a - b)
  return latency.averageMs > slowFactor * known[known.length >> 1]!
}
