#!/usr/bin/env zx
// Nothing breaks: a week of reads, after a first one that filled the cache. How many bytes does S3 not have to send?
// Assumed: about three reads a week per object, popularity Zipf 0.9, and every twentieth read is of something brand new.
import { openHarness } from '../harness/open.mjs'

const { scenario } = await openHarness(import.meta.url)

const weekSeconds = 7 * 86_400

await scenario(
  {
    name: 'bandwidth-saved',
    story: 'A week of Zipf reads with churn; the cache spares S3 at least 70 % of the bytes.',
    origin: 'synthetic',
    speed: weekSeconds / 25,
    ratePerSecond: 200,
    durationSeconds: weekSeconds,
    workload: { shares: { neverRead: 0.05, upload: 0.01 } },
    thresholds: [
      {
        name: 'at least 70 % of the bytes do not come from S3',
        phase: 'second-week',
        measure: { kind: 'saved-ratio', phases: ['second-week'] },
        must: { atLeast: 0.7 },
      },
      {
        name: 'every read is answered, byte for byte right',
        phase: 'second-week',
        measure: { kind: 'ok-ratio', population: 'known', phases: ['second-week'] },
        must: { atLeast: 1 },
      },
      {
        name: 'what is new is served too',
        phase: 'second-week',
        measure: { kind: 'ok-ratio', population: 'never-read', phases: ['second-week'] },
        must: { atLeast: 1 },
      },
    ],
  },
  async (run) => {
    const calendarSeconds = run.options.durationSeconds
    await run.phase({ name: 'first-week', story: 'the cache begins empty', calendarSeconds })
    await run.phase({ name: 'second-week', story: 'the week that counts', calendarSeconds })
  },
)
