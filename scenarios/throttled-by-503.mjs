#!/usr/bin/env zx
// S3 asks for less: it answers most requests with 503 SlowDown, as it does to a bucket that grows too fast.
// Known reads go on; and nothing multiplies the requests S3 begged off: no storm of retries, then or at healing.
import { openHarness } from '../harness/open.mjs'

const { scenario, s3Misbehaves } = await openHarness(import.meta.url)

await scenario(
  {
    name: 'throttled-by-503',
    story: 'S3 answers four of five requests with 503 SlowDown; known reads go on and nobody storms S3.',
    speed: 240,
    ratePerSecond: 100,
    durationSeconds: 48 * 60,
    workload: { shares: { neverRead: 0.08, upload: 0.02 } },
    thresholds: [
      {
        name: 'every read of a known object is answered, byte for byte right',
        phase: 'throttled',
        measure: { kind: 'ok-ratio', population: 'known', phases: ['throttled', 'recovery'] },
        must: { atLeast: 1 },
      },
      {
        name: 'stale objects are served meanwhile',
        phase: 'throttled',
        measure: { kind: 'count', population: 'known', outcomes: ['stale'], phases: ['throttled'] },
        must: { atLeast: 1 },
      },
      {
        name: 'S3 gets no more requests than clients make, whatever it answers',
        phase: 'throttled',
        measure: { kind: 'origin-requests-per-arrival', phases: ['throttled'] },
        must: { atMost: 1 },
      },
      ...['never-read', 'upload'].flatMap((population) => [
        {
          name: `no ${population} request takes longer than a second, served or refused`,
          phase: 'throttled',
          measure: { kind: 'slowest', population, phases: ['throttled'] },
          must: { atMost: 1000 },
        },
        {
          name: `${population} requests work again within 2 s of healing`,
          phase: 'recovery',
          measure: { kind: 'time-to-recover', population, phase: 'recovery' },
          must: { atMost: 2000 },
        },
      ]),
    ],
  },
  async (run) => {
    await run.warm()
    await run.steady({ seconds: 5 })
    await run.phase({
      name: 'throttled',
      story: 'four of five requests are answered 503 SlowDown',
      calendarSeconds: run.options.durationSeconds,
      faults: [s3Misbehaves(run.deployment.origin, { kind: 'slow-down', share: 0.8 })],
    })
    await run.phase({ name: 'recovery', story: 'S3 takes everything again', seconds: 6 })
  },
)
