#!/usr/bin/env zx
// Whoever answers at S3's address shows an expired certificate, then another name's, then one of an unknown authority.
// Nothing may be asked of it, read from it or sent to it; reads of what was read before go on from the cache.
import { openHarness } from '../harness/open.mjs'

const { scenario, s3ShowsCertificate } = await openHarness(import.meta.url)

const kinds = ['expired', 'wrong-name', 'unknown-authority']
const served = ['hit', 'stale', 'revalidated', 'miss', 'failover', 'direct']

await scenario(
  {
    name: 'bad-certificate',
    story:
      "S3's certificate can't be verified, in three ways; nothing is trusted to it, and known reads go on.",
    speed: 240,
    ratePerSecond: 100,
    durationSeconds: 72 * 60,
    workload: { shares: { neverRead: 0.05, upload: 0.02 } },
    thresholds: [
      {
        name: 'every read of a known object is answered, byte for byte right',
        phase: 'bad certificate',
        measure: { kind: 'ok-ratio', population: 'known', phases: [...kinds, 'recovery'] },
        must: { atLeast: 1 },
      },
      ...['never-read', 'upload'].flatMap((population) => [
        {
          name: `no ${population} request gets through to who shows it`,
          phase: 'bad certificate',
          measure: { kind: 'count', population, outcomes: served, phases: kinds },
          must: { atMost: 0 },
        },
        {
          name: `each ${population} request is refused within a second`,
          phase: 'bad certificate',
          measure: { kind: 'slowest-failure', population, phases: kinds },
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
    for (const kind of kinds) {
      await run.phase({
        name: kind,
        story: `S3's certificate: ${kind}`,
        calendarSeconds: run.options.durationSeconds / kinds.length,
        faults: [s3ShowsCertificate(run.deployment.origin, kind)],
      })
    }
    await run.phase({ name: 'recovery', story: 'the right certificate is back', seconds: 6 })
  },
)
