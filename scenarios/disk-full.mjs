#!/usr/bin/env zx
// The cache's disk is full, then read-only, then failing: nothing new can be kept.
// What is kept goes on being served, and what is not is fetched from S3 and handed on all the same.
import { openHarness } from '../harness/open.mjs'

const { scenario, diskFails } = await openHarness(import.meta.url)

const faults = ['full', 'read-only', 'io-error']
const phases = [...faults, 'recovery']

await scenario(
  {
    name: 'disk-full',
    story: "The cache's disk is full, read-only, failing; every read is served all the same.",
    needs: 'failing-disk',
    actsOn: ['store-files'],
    speed: 240,
    ratePerSecond: 100,
    durationSeconds: 60 * 60,
    workload: { shares: { neverRead: 0.08, upload: 0.01 } },
    thresholds: [
      ...['known', 'never-read'].flatMap((population) =>
        phases.map((phase) => ({
          name: `every ${population} read is answered, byte for byte right, in ${phase}`,
          phase,
          measure: { kind: 'ok-ratio', population, phases: [phase] },
          must: { atLeast: 1 },
        })),
      ),
      {
        name: 'no known read takes longer than a second',
        phase: 'disk failing',
        measure: { kind: 'slowest', population: 'known', phases: faults },
        must: { atMost: 1000 },
      },
      {
        name: 'what had been kept still comes from the cache',
        phase: 'full and read-only',
        measure: { kind: 'count', population: 'known', outcomes: ['hit'], phases: ['full', 'read-only'] },
        must: { atLeast: 1 },
      },
    ],
  },
  async (run) => {
    const [node] = run.targets.caches
    const only = { maxBytes: 1024 * 1024 }
    await run.warm({ only })
    await run.steady({ seconds: 4, only })
    for (const fault of faults) {
      await run.phase({
        ...{ name: fault, story: `the disk is: ${fault}`, only },
        calendarSeconds: run.options.durationSeconds / faults.length,
        faults: [diskFails(node.name, node.diskControlFile, { fault })],
      })
    }
    await run.phase({ name: 'recovery', story: 'the disk is well again', seconds: 5, only })
  },
)
