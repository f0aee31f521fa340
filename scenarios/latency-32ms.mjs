#!/usr/bin/env zx
// S3 is 32 ms away: a new TLS connection costs three round trips before the first byte, a resumed one no less.
// A hit must spare the client the whole distance, a miss must cost little more than going there; by size class.
import { openHarness } from '../harness/open.mjs'

const { scenario } = await openHarness(import.meta.url)

const kb = 1024
const classes = {
  small: { maxBytes: 16 * kb },
  medium: { minBytes: 16 * kb + 1, maxBytes: 256 * kb },
  large: { minBytes: 256 * kb + 1, maxBytes: 4096 * kb },
}
const p50 = (timing, ...phases) => ({ kind: 'quantile', population: 'known', timing, quantile: 0.5, phases })
const ratio = (name, size, timing, path, times, base) => ({
  name: `${size}: ${name}`,
  phase: `${size}-${path}`,
  measure: p50(timing, `${size}-${path}`),
  must: { atMost: { times, of: p50(timing, `${size}-${base}`) } },
})

await scenario(
  {
    name: 'latency-32ms',
    story: 'S3 is 32 ms away: what a read costs direct, as a miss and as a hit, by size.',
    actsOn: ['s3-links'],
    speed: 240,
    ratePerSecond: 100,
    durationSeconds: null,
    thresholds: [
      ...Object.keys(classes).flatMap((size) => [
        ratio(
          'the first byte of a hit comes 10 times sooner than direct',
          size,
          'ttfbMs',
          'hit',
          0.1,
          'direct-full',
        ),
        ratio(
          'a whole hit takes at most a third of going direct',
          size,
          'serviceMs',
          'hit',
          1 / 3,
          'direct-full',
        ),
        ratio('a miss costs at most a quarter more than direct', size, 'ttfbMs', 'miss', 1.25, 'direct-full'),
      ]),
      {
        name: 'the distance is real: a new connection straight to S3 costs three round trips',
        phase: 'small-direct-full',
        measure: p50('ttfbMs', 'small-direct-full'),
        must: { atLeast: 96 },
      },
      {
        name: 'and a kept one costs one',
        phase: 'small-direct-kept',
        measure: p50('ttfbMs', 'small-direct-kept'),
        must: { atLeast: 32 },
      },
    ],
  },
  async (run) => {
    for (const [size, only] of Object.entries(classes)) {
      const read = (path, story, from, handshake) =>
        run.oneByOne({
          name: `${size}-${path}`,
          story: `${size} objects ${story}`,
          reads: 15,
          from,
          handshake,
          only,
        })
      await read('direct-full', 'straight from S3, each on a new connection', 's3', 'full')
      await read('direct-resumed', 'straight from S3, with the last TLS session', 's3', 'resumed')
      await read('direct-kept', 'straight from S3, all on one connection', 's3', 'kept')
      await read('miss', 'through the system, for the first time', 'system', 'full')
      await read('hit', 'through the system again', 'system', 'full')
    }
  },
)
