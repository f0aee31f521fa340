#!/usr/bin/env zx
// Hundreds of clients ask within a second for one object that nobody has read, small, then large; S3 is 32 ms away.
// All get every byte, and S3 is asked once: who comes later waits for the fetch under way, and reads as it arrives.
import { openHarness } from '../harness/open.mjs'

const { scenario } = await openHarness(import.meta.url)

const herds = {
  small: { rate: 400, only: { maxBytes: 64 * 1024 } },
  large: { rate: 40, only: { maxBytes: 1024 * 1024 } },
}
const names = Object.keys(herds).map((size) => `${size}-herd`)

await scenario(
  {
    name: 'thundering-herd',
    story: 'Many clients ask at once for one object that nobody has read; S3 is asked once.',
    speed: 240,
    ratePerSecond: 100,
    durationSeconds: null,
    workload: { shares: { neverRead: 0, upload: 0 } },
    thresholds: names.flatMap((phase) => [
      {
        name: `every client of the ${phase} is served`,
        phase,
        measure: { kind: 'ok-ratio', population: 'known', phases: [phase] },
        must: { atLeast: 1 },
      },
      {
        name: `for the ${phase} S3 is asked once`,
        phase,
        measure: { kind: 'origin-fetches-per-key', phases: [phase] },
        must: { atMost: 1 },
      },
      {
        name: `nobody in the ${phase} waits longer than a second`,
        phase,
        measure: { kind: 'slowest', population: 'known', phases: [phase] },
        must: { atMost: 1000 },
      },
    ]),
  },
  async (run) => {
    const warmed = { prefix: 'releases/' }
    await run.warm({ only: warmed })
    await run.steady({ seconds: 4, only: warmed })
    for (const [size, { rate, only }] of Object.entries(herds)) {
      const [object] = await run.objects({ ...only, prefix: 'artifacts/' })
      await run.phase({
        name: `${size}-herd`,
        story: `a herd comes for one cold object of ${object.bytes} bytes`,
        seconds: 2,
        only: { keys: [object.key] },
        workload: { ratePerSecond: rate },
      })
    }
  },
)
