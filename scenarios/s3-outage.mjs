#!/usr/bin/env zx
// S3 goes away for 2 h 57 min: first it answers 503, then packets vanish, then connections are refused.
// Every read of an object that had been read before must go on, byte for byte; what can't be served must fail fast.
import { openHarness } from '../harness/open.mjs'

const { scenario, s3Misbehaves } = await openHarness(import.meta.url)

const outage = ['outage-503', 'outage-silent', 'outage-refused']
const away = 'S3 away'
const known = { population: 'known' }

await scenario(
  {
    name: 's3-outage',
    story: 'S3 is away for 2 h 57 min of calendar time; reads of what had been read before must go on.',
    actsOn: ['s3-links'],
    speed: 240,
    ratePerSecond: 100,
    durationSeconds: (2 * 60 + 57) * 60,
    // Binaries of tens of MB are read so rarely that whether one falls into a phase does not decide its p99.
    workload: { popularity: { zipf: 0.9, bigObjectBytes: 8 * 1024 * 1024, bigObjectShare: 0.0002 } },
    thresholds: [
      ...[...outage, 'recovery'].map((phase) => ({
        name: `every read of a known object is answered, byte for byte right, in ${phase}`,
        phase,
        measure: { kind: 'ok-ratio', ...known, phases: [phase] },
        must: { atLeast: 1 },
      })),
      {
        name: 'known reads during the outage are at most twice as slow as in steady state (p99)',
        phase: away,
        measure: { kind: 'quantile', ...known, timing: 'responseMs', quantile: 0.99, phases: outage },
        must: {
          atMost: {
            times: 2,
            of: { kind: 'quantile', ...known, timing: 'responseMs', quantile: 0.99, phases: ['steady'] },
          },
        },
      },
      {
        name: 'stale objects are served during the outage',
        phase: away,
        measure: { kind: 'count', ...known, outcomes: ['stale'], phases: outage },
        must: { atLeast: 1 },
      },
      ...['never-read', 'upload'].flatMap((population) => [
        {
          name: `${population} requests fail clearly within 1 s`,
          phase: away,
          measure: { kind: 'slowest-failure', population, phases: outage },
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
        name: 'no upload is acknowledged that S3 does not hold',
        phase: 'all',
        measure: { kind: 'uploads-lost', phases: ['steady', ...outage, 'recovery'] },
        must: { atMost: 0 },
      },
      {
        name: 'no client without credentials gets an object',
        phase: 'all',
        measure: { kind: 'strangers-served', phases: ['steady', ...outage, 'recovery'] },
        must: { atMost: 0 },
      },
      {
        name: 'at most one fetch from S3 per stale key after healing',
        phase: 'recovery',
        measure: { kind: 'origin-fetches-per-key', phases: ['recovery'] },
        must: { atMost: 1 },
      },
      {
        name: "the router's record of S3's downtime agrees with the injected one within 1 %",
        phase: away,
        measure: { kind: 'downtime-error', backend: 's3', phases: outage },
        must: { atMost: 0.01 },
      },
      {
        name: 'the cache saves at least 70 % of the bytes from S3',
        phase: 'steady to recovery',
        measure: { kind: 'saved-ratio', phases: ['steady', ...outage, 'recovery'] },
        must: { atLeast: 0.7 },
      },
    ],
  },
  async (run) => {
    const links = run.deployment.originLinks
    const stretch = { calendarSeconds: run.options.durationSeconds / 3 }

    await run.cold(40)
    await run.warm()
    await run.strangers()
    await run.steady({ seconds: 10 })
    await run.phase({
      name: 'outage-503',
      story: 'S3 answers every request with 503 SlowDown',
      ...stretch,
      faults: [s3Misbehaves(run.deployment.origin, { kind: 'slow-down' })],
    })
    await run.phase({
      name: 'outage-silent',
      story: 'packets to and from S3 vanish: nothing answers, nothing closes',
      ...stretch,
      faults: [run.links.silent(links)],
    })
    await run.phase({
      name: 'outage-refused',
      story: 'connections to S3 are refused',
      ...stretch,
      faults: [run.links.refused(links)],
    })
    // Not longer than the short freshness, or a key would rightly be fetched twice.
    const seconds = Math.min(8, Math.round(3600 / run.options.speed))
    await run.phase({ name: 'recovery', story: 'S3 is back', seconds })
    await run.verifyUploads()
  },
)
