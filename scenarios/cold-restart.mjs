#!/usr/bin/env zx
// The cache is killed with -9 under load and started again at once, twice, with its store as the kill left it.
// No read may be lost, and nothing that was stored may be fetched from S3 again: a restart is no cold start.
import { openHarness } from '../harness/open.mjs'

const { scenario, restarted } = await openHarness(import.meta.url)

const known = { population: 'known' }
const restarts = ['restart-1', 'restart-2']

await scenario(
  {
    name: 'cold-restart',
    story: 'The cache is killed and restarted under load; no read is lost, and it remembers what it had.',
    needs: 'cache',
    actsOn: ['cache-restart'],
    speed: 240,
    ratePerSecond: 100,
    durationSeconds: 24 * 60,
    workload: { shares: { neverRead: 0, upload: 0 } },
    thresholds: [
      ...[...restarts, 'after'].map((phase) => ({
        name: `every read is answered, byte for byte right, in ${phase}`,
        phase,
        measure: { kind: 'ok-ratio', ...known, phases: [phase] },
        must: { atLeast: 1 },
      })),
      {
        name: 'no read takes longer than a second',
        phase: 'restarts',
        measure: { kind: 'slowest', ...known, phases: restarts },
        must: { atMost: 1000 },
      },
      {
        name: 'nothing that was stored is missing after the restarts',
        phase: 'after',
        measure: { kind: 'count', ...known, outcomes: ['miss'], phases: ['after'] },
        must: { atMost: 0 },
      },
      {
        name: 'and its bytes are not fetched again',
        phase: 'after',
        measure: { kind: 'saved-ratio', phases: ['after'] },
        must: { atLeast: 0.99 },
      },
    ],
  },
  async (run) => {
    const [node] = run.targets.caches
    const only = { maxBytes: 1024 * 1024 }
    await run.warm({ only })
    await run.steady({ seconds: 4, only })
    for (const name of restarts) {
      await run.phase({
        ...{ name, story: 'a second in, the cache is killed and started again', only },
        calendarSeconds: run.options.durationSeconds,
        changeAfterSeconds: 1,
        faults: [restarted(node, 'warm')],
      })
    }
    await run.phase({ name: 'settling', story: 'the node is back for good', seconds: 3, only })
    await run.phase({
      name: 'after',
      story: 'every object is asked of the restarted cache',
      seconds: 6,
      only,
    })
  },
)
