#!/usr/bin/env zx
// A third of all objects has become stale at once, and S3 takes 300 ms longer than usual to say that they are unchanged.
// Readers don't wait for it: what is there is served meanwhile, and S3 is asked once per object.
import { openHarness } from '../harness/open.mjs'

const { scenario, s3Misbehaves, shortLivedPrefix } = await openHarness(import.meta.url)

const p99 = (phase) => ({
  kind: 'quantile',
  population: 'known',
  timing: 'responseMs',
  quantile: 0.99,
  phases: [phase],
})

await scenario(
  {
    name: 'expiry-storm',
    story:
      'A third of the objects becomes stale at once while S3 is slow; nobody waits, S3 is asked once per object.',
    speed: 360,
    ratePerSecond: 150,
    durationSeconds: 50 * 60,
    workload: { shares: { neverRead: 0, upload: 0 } },
    thresholds: [
      {
        name: 'every read is answered, byte for byte right',
        phase: 'storm',
        measure: { kind: 'ok-ratio', population: 'known', phases: ['storm'] },
        must: { atLeast: 1 },
      },
      {
        name: 'readers are served what is there while S3 is asked (p99)',
        phase: 'storm',
        measure: p99('storm'),
        must: { atMost: { times: 2, of: p99('steady') } },
      },
      {
        name: 'stale objects are served meanwhile',
        phase: 'storm',
        measure: { kind: 'count', population: 'known', outcomes: ['stale'], phases: ['storm'] },
        must: { atLeast: 1 },
      },
      {
        name: 'S3 is asked once per object',
        phase: 'storm',
        measure: { kind: 'origin-fetches-per-key', phases: ['storm'] },
        must: { atMost: 1 },
      },
      {
        name: 'nothing that is unchanged is transferred again',
        phase: 'storm',
        measure: { kind: 'saved-ratio', phases: ['storm'] },
        must: { atLeast: 0.99 },
      },
    ],
  },
  async (run) => {
    const only = { maxBytes: 1024 * 1024 }
    await run.warm({ only })
    await run.steady({ seconds: 4, only })
    await run.phase({
      name: 'quiet',
      story: 'only long-lived objects are read, until the short-lived ones are stale',
      calendarSeconds: 65 * 60,
      only: { ...only, prefix: 'artifacts/' },
    })
    await run.phase({
      name: 'storm',
      story: 'everybody reads what has become stale',
      calendarSeconds: run.options.durationSeconds,
      only: { ...only, prefix: shortLivedPrefix },
      faults: [s3Misbehaves(run.deployment.origin, { kind: 'slow-first-byte', delayMs: 300 })],
    })
  },
)
