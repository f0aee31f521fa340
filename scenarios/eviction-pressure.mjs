#!/usr/bin/env zx
// The store holds 32 MiB and the objects in use are eight times that: every new one drives out others, all the time.
// No read may suffer from what goes on beneath it, the disk may never hold more, and what is popular must stay.
import { openHarness } from '../harness/open.mjs'

const { scenario } = await openHarness(import.meta.url)

const known = { population: 'known' }
const phases = ['pressure-1', 'pressure-2']
const maxBytes = 32 * 1024 * 1024

await scenario(
  {
    name: 'eviction-pressure',
    story: 'The store holds an eighth of what is read; no read is lost, and what is popular stays.',
    needs: 'cache',
    actsOn: ['store-size'],
    origin: 'synthetic',
    storeSize: `${maxBytes / 1024 / 1024}m`,
    speed: 240,
    ratePerSecond: 100,
    durationSeconds: 40 * 60,
    workload: {
      shares: { neverRead: 0.02, upload: 0 },
      popularity: { zipf: 1, bigObjectBytes: 8 * 1024 * 1024, bigObjectShare: 0.002 },
    },
    thresholds: [
      {
        name: 'every read is answered, byte for byte right',
        phase: 'pressure',
        measure: { kind: 'ok-ratio', ...known, phases },
        must: { atLeast: 1 },
      },
      {
        name: 'none takes longer than two seconds',
        phase: 'pressure',
        measure: { kind: 'slowest', ...known, phases },
        must: { atMost: 2000 },
      },
      {
        name: 'the store never occupies more of the disk than max_size, looked at twice a second',
        phase: 'pressure',
        measure: { kind: 'store-bytes', by: 'disk', phases },
        must: { atMost: maxBytes },
      },
      {
        name: 'nor does the cache itself ever say that it does',
        phase: 'pressure',
        measure: { kind: 'store-bytes', by: 'statement', phases },
        must: { atMost: maxBytes },
      },
      {
        name: 'what is popular stays: half the bytes are spared',
        phase: 'pressure-2',
        measure: { kind: 'saved-ratio', phases: ['pressure-2'] },
        must: { atLeast: 0.5 },
      },
    ],
  },
  async (run) => {
    for (const name of phases) {
      await run.phase({
        ...{ name, story: 'far more is read than the store can hold' },
        calendarSeconds: run.options.durationSeconds,
      })
    }
  },
)
