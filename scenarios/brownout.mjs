#!/usr/bin/env zx
// S3 is neither up nor down: a third of its answers are 500s, a third of the rest begin 300 ms late, some are reset.
// What had been read goes on as if nothing were; what must go to S3 is served or refused within a second, never wrong.
import { openHarness } from '../harness/open.mjs'

const { scenario, s3Misbehaves } = await openHarness(import.meta.url)

const others = ['never-read', 'upload']

await scenario(
  {
    name: 'brownout',
    story:
      'S3 is slow and failing by part; known reads go on, the rest is served or refused within a second.',
    actsOn: ['s3-links'],
    speed: 240,
    ratePerSecond: 100,
    durationSeconds: 48 * 60,
    workload: { shares: { neverRead: 0.08, upload: 0.02 } },
    thresholds: [
      {
        name: 'every read of a known object is answered, byte for byte right',
        phase: 'brownout',
        measure: { kind: 'ok-ratio', population: 'known', phases: ['brownout', 'recovery'] },
        must: { atLeast: 1 },
      },
      ...others.flatMap((population) => [
        {
          name: `no ${population} request takes longer than a second, served or refused`,
          phase: 'brownout',
          measure: { kind: 'slowest', population, phases: ['brownout'] },
          must: { atMost: 1000 },
        },
        {
          name: `${population} requests work again within 2 s of healing`,
          phase: 'recovery',
          measure: { kind: 'time-to-recover', population, phase: 'recovery' },
          must: { atMost: 2000 },
        },
      ]),
      {
        name: 'no never-read object arrives with a wrong byte',
        phase: 'brownout',
        measure: {
          kind: 'count',
          population: 'never-read',
          outcomes: ['corrupt'],
          phases: ['brownout', 'recovery'],
        },
        must: { atMost: 0 },
      },
      {
        name: 'no upload is acknowledged that S3 does not hold',
        phase: 'all',
        measure: { kind: 'uploads-lost', phases: ['steady', 'brownout', 'recovery'] },
        must: { atMost: 0 },
      },
    ],
  },
  async (run) => {
    const { origin, originLinks } = run.deployment
    await run.warm()
    await run.steady({ seconds: 5 })
    await run.phase({
      name: 'brownout',
      story: 'S3 fails a third of its requests, is late with others and resets some',
      calendarSeconds: run.options.durationSeconds,
      faults: [
        s3Misbehaves(origin, { kind: 'internal-error', share: 0.33 }),
        s3Misbehaves(origin, { kind: 'slow-first-byte', share: 0.33, delayMs: 300 }),
        run.links.reset(originLinks, { share: 0.1, afterMs: 100 }),
      ],
    })
    await run.phase({ name: 'recovery', story: 'S3 is well again', seconds: 6 })
    await run.verifyUploads()
  },
)
