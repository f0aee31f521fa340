#!/usr/bin/env zx
// The cache node comes and goes every two seconds, five times: each time its connections are reset, then it is back.
// No read may be lost in any of the changes, none may be slow, and the end must be as the beginning.
import { openHarness } from '../harness/open.mjs'

const { scenario } = await openHarness(import.meta.url)

const times = [1, 2, 3, 4, 5]
const flaps = times.flatMap((n) => [`gone-${n}`, `back-${n}`])

await scenario(
  {
    name: 'flapping-backend',
    story: 'The cache node comes and goes every two seconds; no read is lost and none is slow.',
    needs: 'cache',
    actsOn: ['cache-links'],
    speed: 240,
    ratePerSecond: 100,
    durationSeconds: 8 * 60,
    workload: { shares: { neverRead: 0, upload: 0 } },
    thresholds: [
      {
        name: 'no read is lost while the node comes and goes',
        phase: 'gone-1 to back-5',
        measure: { kind: 'ok-ratio', population: 'known', phases: flaps },
        must: { atLeast: 1 },
      },
      {
        name: 'none takes longer than a second',
        phase: 'gone-1 to back-5',
        measure: { kind: 'slowest', population: 'known', phases: flaps },
        must: { atMost: 1000 },
      },
      {
        name: 'afterwards no read goes past the node any more',
        phase: 'calm',
        measure: { kind: 'count', population: 'known', outcomes: ['failover'], phases: ['calm'] },
        must: { atMost: 0 },
      },
    ],
  },
  async (run) => {
    const only = { maxBytes: 1024 * 1024 }
    const calendarSeconds = run.options.durationSeconds
    await run.warm({ only })
    await run.steady({ seconds: 4, only })
    for (const n of times) {
      const faults = [run.links.reset(run.cacheLinks)]
      await run.phase({
        name: `gone-${n}`,
        story: "the node's connections are reset",
        calendarSeconds,
        only,
        faults,
      })
      await run.phase({ name: `back-${n}`, story: 'they are not', calendarSeconds, only })
    }
    // Keeping a node out for a while that flapped is wise, and breakwater's router does: 10 s after the fourth time.
    await run.phase({ name: 'settling', story: 'the node stays', seconds: 12, only })
    await run.phase({ name: 'calm', story: 'everything is as it was', seconds: 4, only })
  },
)
