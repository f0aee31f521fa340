#!/usr/bin/env zx
// S3 gives each client 25 MB/s, all its connections together, as the original's did. The largest object is read direct,
// cold and as a hit; then several clients want another large one at once: its bytes may come from S3 once only.
import { openHarness } from '../harness/open.mjs'

const { scenario } = await openHarness(import.meta.url)

const median = (phase) => ({
  kind: 'quantile',
  population: 'known',
  timing: 'serviceMs',
  quantile: 0.5,
  phases: [phase],
})
const clients = 8

await scenario(
  {
    name: 'bandwidth-throttle',
    story: 'S3 is limited to 25 MB/s per client; a hit is not, and a crowd costs S3 one copy.',
    speed: 240,
    ratePerSecond: 20,
    durationSeconds: 240,
    throttle: 25_000_000,
    workload: { arrivals: 'constant', shares: { neverRead: 0, upload: 0 } },
    thresholds: [
      {
        name: 'a hit of the largest object takes at most half the time of reading it from S3',
        phase: 'hit',
        measure: median('hit'),
        must: { atMost: { times: 0.5, of: median('direct') } },
      },
      {
        name: 'reading it through the cold system takes at most a quarter longer than direct',
        phase: 'miss',
        measure: median('miss'),
        must: { atMost: { times: 1.25, of: median('direct') } },
      },
      {
        name: `${clients} clients of one cold large object are all served`,
        phase: 'crowd',
        measure: { kind: 'ok-ratio', population: 'known', phases: ['crowd'] },
        must: { atLeast: 1 },
      },
      {
        name: 'for them S3 is asked once',
        phase: 'crowd',
        measure: { kind: 'origin-fetches-per-key', phases: ['crowd'] },
        must: { atMost: 1 },
      },
      {
        name: 'and its bytes leave S3 once',
        phase: 'crowd',
        measure: { kind: 'saved-ratio', phases: ['crowd'] },
        must: { atLeast: 1 - 1.01 / clients },
      },
    ],
  },
  async (run) => {
    const [largest, second] = await run.objects()
    const throttle = run.links.throttled(run.deployment.originLinks, {
      bytesPerSecond: run.options.throttle,
      scope: 'proxy',
    })
    const read = (name, story, from) =>
      run.oneByOne({
        ...{ name, story, from, reads: 1, handshake: 'full', faults: [throttle] },
        only: { keys: [largest.key] },
      })
    await read('direct', `the largest object (${largest.bytes} bytes) straight from S3`, 's3')
    await read('miss', 'the same through the system, for the first time', 'system')
    await read('hit', 'the same through the system again', 'system')
    await run.phase({
      name: 'crowd',
      story: `${clients} clients ask for another object of ${second.bytes} bytes that nobody has read`,
      seconds: clients / run.options.ratePerSecond,
      only: { keys: [second.key] },
      faults: [throttle],
    })
    await run.phase({
      name: 'after',
      story: 'the last of them have been served',
      seconds: 4,
      only: { keys: [second.key] },
      workload: { ratePerSecond: 1 },
      faults: [throttle],
    })
  },
)
