#!/usr/bin/env zx
// A client overwrites the same few objects all the time and reads each back: with S3 well, while it answers 503, and after.
// Once a write was acknowledged no read may give what was there before: S3 itself never does.
import { openHarness } from '../harness/open.mjs'

const { scenario, s3Misbehaves } = await openHarness(import.meta.url)

const phases = ['steady', 'away', 'back']

await scenario(
  {
    name: 'read-after-write',
    story: 'Objects are overwritten and read back; no read gives an older version than was acknowledged.',
    speed: 240,
    ratePerSecond: 50,
    durationSeconds: 12 * 60,
    workload: { shares: { neverRead: 0, upload: 0 } },
    thresholds: [
      ...phases.map((phase) => ({
        name: `no read gives an older version than was acknowledged, in ${phase}`,
        phase,
        measure: { kind: 'outdated-reads', phases: [phase] },
        must: { atMost: 0 },
      })),
      {
        name: 'every read of other objects is answered',
        phase: 'all',
        measure: { kind: 'ok-ratio', population: 'known', phases },
        must: { atLeast: 1 },
      },
    ],
  },
  async (run) => {
    const only = { maxBytes: 64 * 1024 }
    await run.warm({ only })
    run.rewriter()
    await run.steady({ seconds: 4, only })
    await run.phase({
      name: 'away',
      story: 'S3 answers 503: what was acknowledged last is all there is to read',
      calendarSeconds: run.options.durationSeconds,
      only,
      faults: [s3Misbehaves(run.deployment.origin, { kind: 'slow-down' })],
    })
    await run.phase({ name: 'back', story: 'S3 takes writes again', seconds: 4, only })
  },
)
