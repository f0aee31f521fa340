#!/usr/bin/env zx
// Many clients read large cold objects, send requests or upload, some bytes at a time, while normal load goes on.
// Nobody else may notice, memory stays bounded, a slow reader never slows a fill for others, and nothing of them remains.
import { openHarness } from '../harness/open.mjs'

const { scenario } = await openHarness(import.meta.url)

const mib = 1024 * 1024
const known = { population: 'known' }
// Of 12 MiB each, so that what the slow readers have yet to read fits into no buffer of a connection.
const large = { bytes: 12 * mib, slow: 2, alone: 3, shared: 3 }
const counts = { readers: 32, requests: 24, uploads: 24 }
const clients = Object.values(counts).reduce((sum, count) => sum + count)
const p99 = (phase) => ({ kind: 'quantile', ...known, timing: 'responseMs', quantile: 0.99, phases: [phase] })
const median = (phase) => ({
  kind: 'quantile',
  ...known,
  timing: 'serviceMs',
  quantile: 0.5,
  phases: [phase],
})

await scenario(
  {
    name: 'slow-clients',
    story:
      'Many clients read, ask and upload some bytes at a time; nobody else notices, and nothing of them remains.',
    speed: 240,
    ratePerSecond: 100,
    durationSeconds: 40 * 60,
    workload: { shares: { neverRead: 0, upload: 0 } },
    largeObjects: Array(large.slow + large.alone + large.shared).fill(large.bytes),
    thresholds: [
      ...['arrival', 'slow', 'after'].map((phase) => ({
        name: `every read of others is answered, byte for byte right, in ${phase}`,
        phase,
        measure: { kind: 'ok-ratio', ...known, phases: [phase] },
        must: { atLeast: 1 },
      })),
      {
        name: 'reads of others are at most twice as slow as in steady state (p99)',
        phase: 'slow',
        measure: p99('slow'),
        must: { atMost: { times: 2, of: p99('steady') } },
      },
      {
        name: 'S3 is asked once for what many read slowly',
        phase: 'arrival',
        measure: { kind: 'origin-fetches-per-key', phases: ['arrival'] },
        must: { atMost: 1 },
      },
      {
        name: 'memory stays bounded: at most 1 MiB for each slow client',
        phase: 'arrival to shared',
        measure: { kind: 'memory-growth', since: 'steady', phases: ['arrival', 'slow', 'shared'] },
        must: { atMost: clients * mib },
      },
      {
        name: 'a cold object that slow clients are reading comes whole and as fast as with nobody else',
        phase: 'shared',
        measure: median('shared'),
        must: { atMost: { times: 1.5, of: median('alone') } },
      },
      {
        name: 'and S3 is asked for it once',
        phase: 'shared',
        measure: { kind: 'origin-fetches-per-key', phases: ['shared'] },
        must: { atMost: 1 },
      },
      // Twice, for what a router keeps open to its cache for later; all that were slow are far more.
      {
        name: 'once they have left their connections are gone',
        phase: 'after',
        measure: { kind: 'connections', which: 'left', phases: ['after'] },
        must: { atMost: { times: 2, of: { kind: 'connections', which: 'most', phases: ['steady'] } } },
      },
    ],
  },
  async (run) => {
    const only = { maxBytes: 256 * 1024 }
    const made = await run.objects({ prefix: 'large/' })
    // An origin that runs already has none that were made for this; the largest it has must do.
    const objects = made.length > 0 ? made : await run.objects()
    const take = (count) => ({ keys: objects.splice(0, count).map(({ key }) => key) })
    const alone = take(large.alone)
    const shared = take(large.shared)
    const slow = await run.slowClients(counts, take(large.slow))
    const onShared = await run.slowClients({ readers: 8 }, shared)
    const read = (name, story, keys, faults) =>
      run.oneByOne({
        name,
        story,
        faults,
        only: keys,
        reads: keys.keys.length,
        from: 'system',
        handshake: 'full',
      })

    await run.warm({ only })
    await read('alone', 'large cold objects are read, each by one client', alone, [])
    await run.steady({ seconds: 5, only })
    // Each fills the buffers on its way at full speed before it becomes slow: as much work as an ordinary download.
    await run.phase({
      name: 'arrival',
      story: 'slow clients come for two large cold objects, to ask and to upload',
      calendarSeconds: run.options.durationSeconds,
      changeAfterSeconds: 0,
      ...{ only, faults: slow },
    })
    await run.phase({
      name: 'slow',
      story: 'they are there, and read and write some bytes at a time',
      calendarSeconds: run.options.durationSeconds,
      ...{ only, faults: slow },
    })
    await read(
      'shared',
      'slow clients are reading other cold objects, and one in no hurry to leave reads them whole',
      shared,
      [...slow, ...onShared],
    )
    await run.phase({ name: 'after', story: 'the slow clients have left', seconds: 8, only })
  },
)
