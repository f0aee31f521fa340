#!/usr/bin/env zx
// S3 gives each client 25 MB/s, all its connections together, as the original's did. Objects from 4 KB to 64 MiB are read
// direct, cold and as a hit; then several clients want another large one at once: its bytes may leave S3 once only.
import { openHarness } from '../harness/open.mjs'

const { scenario } = await openHarness(import.meta.url)

const mib = 1024 * 1024
const sizes = {
  small: { bytes: 4096, reads: 5 },
  medium: { bytes: mib, reads: 5 },
  largest: { bytes: 64 * mib, reads: 1 },
}
const crowd = { bytes: 32 * mib, clients: 8 }
const median = (phase) => ({
  kind: 'quantile',
  population: 'known',
  timing: 'serviceMs',
  quantile: 0.5,
  phases: [phase],
})
const atMost = (name, phase, times, base) => ({
  ...{ name, phase, measure: median(phase) },
  must: { atMost: { times, of: median(base) } },
})

await scenario(
  {
    name: 'bandwidth-throttle',
    story: 'S3 is limited to 25 MB/s per client; a hit is not, and a crowd costs S3 one copy.',
    actsOn: ['s3-links'],
    speed: 240,
    ratePerSecond: 20,
    durationSeconds: null,
    throttle: 25_000_000,
    workload: { arrivals: 'constant', shares: { neverRead: 0, upload: 0 } },
    // The largest takes 2.7 s at 25 MB/s.
    requestTimeoutMs: 30_000,
    largeObjects: [crowd, ...Object.values(sizes)].flatMap(({ bytes, reads = 1 }) =>
      Array(reads).fill(bytes),
    ),
    thresholds: [
      ...Object.keys(sizes).flatMap((size) => [
        atMost(
          `${size}: a hit takes at most half the time of reading it from S3`,
          `${size}-hit`,
          0.5,
          `${size}-direct`,
        ),
        atMost(
          `${size}: a miss takes at most a quarter longer than direct`,
          `${size}-miss`,
          1.25,
          `${size}-direct`,
        ),
      ]),
      {
        name: `${crowd.clients} clients of one cold large object are all served`,
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
        must: { atLeast: 1 - 1.01 / crowd.clients },
      },
    ],
  },
  async (run) => {
    const made = await run.objects({ prefix: 'large/' })
    // An origin that runs already has none that were made for this; those of the closest sizes must do.
    const objects = made.length > 0 ? made : await run.objects()
    const closestTo = (bytes, count) => {
      const distance = (object) => Math.abs(object.bytes - bytes)
      const closest = objects.toSorted((a, b) => distance(a) - distance(b)).slice(0, count)
      return { keys: closest.map(({ key }) => key) }
    }
    const throttle = run.links.throttled(run.deployment.originLinks, {
      bytesPerSecond: run.options.throttle,
      scope: 'proxy',
    })
    const faults = [throttle]
    for (const [size, { bytes, reads }] of Object.entries(sizes)) {
      const only = closestTo(bytes, reads)
      const read = (path, story, from) =>
        run.oneByOne({ name: `${size}-${path}`, story, from, reads, handshake: 'full', faults, only })
      await read('direct', `${reads} of ${bytes} bytes straight from S3`, 's3')
      await read('miss', 'the same through the system, for the first time', 'system')
      await read('hit', 'the same through the system again', 'system')
    }
    const only = closestTo(crowd.bytes, 1)
    await run.phase({
      name: 'crowd',
      story: `${crowd.clients} clients ask for another object of ${crowd.bytes} bytes that nobody has read`,
      seconds: crowd.clients / run.options.ratePerSecond,
      ...{ only, faults },
    })
    await run.phase({
      name: 'after',
      story: 'the last of them have been served',
      seconds: 4,
      workload: { ratePerSecond: 1 },
      ...{ only, faults },
    })
  },
)
