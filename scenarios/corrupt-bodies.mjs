#!/usr/bin/env zx
// S3 sends cold objects altered, cut short, too long, under a wrong ETag, or an error as a 200; then disk bits flip.
// No client may ever take a wrong byte for a right one, and nothing of it may be kept: once healed, all reads are right.
import { openHarness } from '../harness/open.mjs'

const { scenario, s3Misbehaves, storedBitsFlip } = await openHarness(import.meta.url)

const phases = ['corrupt', 'healed', 'flipped', 'calm']

await scenario(
  {
    name: 'corrupt-bodies',
    story: 'S3 and the disk give wrong bytes; no client ever gets them, and nothing of them is kept.',
    needs: 'cache',
    actsOn: ['store-files'],
    speed: 240,
    ratePerSecond: 100,
    durationSeconds: 32 * 60,
    workload: { shares: { neverRead: 0.1, upload: 0 } },
    thresholds: [
      ...['known', 'never-read'].map((population) => ({
        name: `no ${population} read ends with a wrong byte that looks right`,
        phase: 'all',
        measure: { kind: 'count', population, outcomes: ['corrupt'], phases },
        must: { atMost: 0 },
      })),
      ...['healed', 'calm'].map((phase) => ({
        name: `every known read is answered right in ${phase}`,
        phase,
        measure: { kind: 'ok-ratio', population: 'known', phases: [phase] },
        must: { atLeast: 1 },
      })),
      {
        name: 'known reads whose stored copy is damaged are answered all the same',
        phase: 'flipped',
        measure: { kind: 'ok-ratio', population: 'known', phases: ['flipped'] },
        must: { atLeast: 1 },
      },
    ],
  },
  async (run) => {
    const { origin } = run.deployment
    const [node] = run.targets.caches
    const only = { maxBytes: 1024 * 1024 }
    const calendarSeconds = run.options.durationSeconds
    const kinds = ['altered', 'truncated', 'overlong', 'wrong-etag', 'error-with-200']
    await run.phase({
      name: 'corrupt',
      story: 'the cache is empty, and S3 spoils one answer in six in each of five ways',
      ...{ calendarSeconds, only },
      faults: kinds.map((kind) => s3Misbehaves(origin, { kind, share: 1 / 6 })),
    })
    await run.settle()
    await run.phase({ name: 'healed', story: 'S3 is sound: what was kept shows', calendarSeconds, only })
    await run.phase({
      name: 'flipped',
      story: 'one bit flips in a third of the stored files',
      ...{ calendarSeconds, only },
      faults: [storedBitsFlip(node.name, node.dir, { seed: run.options.seed, share: 0.33, minBytes: 64 })],
    })
    await run.phase({ name: 'calm', story: 'nothing is wrong any more', seconds: 5, only })
  },
)
