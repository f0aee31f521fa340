// Every chunk leaves `latency` ± `jitter` ms after it came in. Chunks wait side by side, so the stream is shifted
// in time and loses no bandwidth. Two latencies in a chain add up. Connecting and closing are not delayed.
import { close, deliver, type Random, type ToxicKind } from './toxic.ts'

type LatencyAttributes = { latency: number; jitter: number; distribution?: string }

/** Draws with mean 0, in units of the jitter. `uniform` is Toxiproxy's own, whole ms in [−jitter, jitter); the others are breakwater's. */
const draws: Record<string, (jitter: number, random: Random) => number> = {
  uniform: (jitter, random) => Math.floor(random() * 2 * jitter) - jitter,
  // Box and Muller; `jitter` is the standard deviation.
  normal: (jitter, random) =>
    jitter * Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random()),
  // Shape 3 and scale 2/3, less the mean 1: a long tail to the right, as queues on real links have.
  pareto: (jitter, random) => jitter * ((2 / 3) * (1 - random()) ** (-1 / 3) - 1),
}

export const distributions = Object.keys(draws)

function delayMs({ latency, jitter, distribution }: LatencyAttributes, random: Random): number {
  const draw = draws[distribution ?? 'uniform']!
  return jitter > 0 ? latency + draw(jitter, random) : latency
}

export const latency: ToxicKind<LatencyAttributes> = {
  goType: 'LatencyToxic',
  fields: {
    latency: { type: 'int64' },
    jitter: { type: 'int64' },
    distribution: { type: 'word', words: distributions },
  },
  buffer: 1024,
  start: (toxic, random) => ({
    take(chunk, nowMs) {
      return [deliver(chunk, Math.max(nowMs, chunk.receivedMs + delayMs(toxic.attributes, random)))]
    },
    end: close,
  }),
}
