#!/usr/bin/env zx
// The cache node is killed at 500 reads a second, comes back with an empty disk, then hangs: alive but silent.
// Nobody may notice: no read lost, none slow, and S3 is asked once per object when the empty node takes over again.
import { openHarness } from '../harness/open.mjs'

const { scenario, killed, stopped } = await openHarness(import.meta.url)

// Objects that can cross 32 ms of network and a busy machine well within 100 ms. The node rejoins under reads of
// other, larger ones, so that those of the failback phase are still cold when the load turns to it.
const small = { maxBytes: 32 * 1024 }
const larger = { minBytes: 32 * 1024 + 1, maxBytes: 64 * 1024 }
// How long a router should wait for a first byte before it asks elsewhere, and what a death may cost beyond that.
const stageTimeoutMs = 400
const graceMs = 100

const known = { population: 'known' }
const phases = ['killed', 'rejoin', 'failback', 'stopped', 'continued']
const slowest = (phase, atMost) => ({
  name: `no read takes longer than ${atMost} ms while the node is ${phase}`,
  phase,
  measure: { kind: 'quantile', ...known, timing: 'responseMs', quantile: 1, phases: [phase] },
  must: { atMost },
})

await scenario(
  {
    name: 'cache-node-death',
    story: 'The cache node is killed, comes back cold, then hangs; no read is lost and none is slow.',
    needs: 'cache',
    actsOn: ['cache-restart-empty'],
    // The original deployment, whose loss and waiting the router has to spare.
    compareWith: ['nginx-haproxy'],
    // While the node is away S3 gets the whole load, and s3rver on a small machine can't take it.
    origin: 'synthetic',
    speed: 240,
    ratePerSecond: 500,
    durationSeconds: 24 * 60,
    workload: { shares: { neverRead: 0, upload: 0 } },
    thresholds: [
      ...phases.map((phase) => ({
        name: `no read is lost in ${phase}`,
        phase,
        measure: { kind: 'ok-ratio', ...known, phases: [phase] },
        must: { atLeast: 1 },
      })),
      slowest('killed', graceMs),
      slowest('stopped', stageTimeoutMs + graceMs),
      {
        name: 'failback is no storm on S3: at most one fetch per object',
        phase: 'failback',
        measure: { kind: 'origin-fetches-per-key', phases: ['failback'] },
        must: { atMost: 1 },
      },
      ...['killed, its store lost', 'stopped'].flatMap((fault) => [
        {
          name: `"${fault}" is detected within 2 s`,
          phase: fault,
          measure: { kind: 'failover', fault, column: 'detectedMs' },
          must: { atMost: 2000 },
        },
        {
          name: `after "${fault}" the node is used again within 2 s of healing`,
          phase: fault,
          measure: { kind: 'failover', fault, column: 'backMs' },
          must: { atMost: 2000 },
        },
      ]),
    ],
  },
  async (run) => {
    const [node] = run.targets.caches
    const away = { calendarSeconds: run.options.durationSeconds, changeAfterSeconds: 1, only: small }

    await run.warm()
    await run.steady({ seconds: 5, only: small })
    await run.phase({
      name: 'killed',
      story: 'a second in, the cache node dies of kill -9',
      ...away,
      faults: [killed(node, 'cold')],
    })
    await run.phase({
      name: 'rejoin',
      story: 'a second in, the node is started again with nothing in its store',
      seconds: 5,
      changeAfterSeconds: 1,
      only: larger,
    })
    await run.phase({ name: 'failback', story: 'the load meets an empty cache', seconds: 6, only: small })
    await run.phase({
      name: 'stopped',
      story: 'a second in, the node gets SIGSTOP: it takes connections and answers nothing',
      ...away,
      faults: [stopped(node)],
    })
    await run.phase({
      name: 'continued',
      story: 'a second in, the node gets SIGCONT',
      seconds: 5,
      changeAfterSeconds: 1,
      only: small,
    })
  },
)
