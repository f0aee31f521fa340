#!/usr/bin/env zx
// Faults drawn from a seed come and go: S3, links, names, certificates, disks, the cache's process, several at once.
// Whatever happens no wrong byte may reach a client and no object a stranger; once all is healed everything must work again.
import { openHarness } from '../harness/open.mjs'

const { scenario, drawFaults, playFaults, shrinkIfWrong, randomPhase, calmPhase, shortLivedPrefix } =
  await openHarness(import.meta.url)

const populations = ['known', 'never-read', 'upload']
const paths = ['hit', 'stale', 'revalidated', 'miss', 'failover']
const knownReads = (phase, outcomes) => ({ kind: 'count', population: 'known', outcomes, phases: [phase] })

await scenario(
  {
    name: 'random-faults',
    story: 'Random faults from a seed: never a wrong byte while they last, everything up and fresh after.',
    actsOn: ['nameserver'],
    drawsFaults: true,
    speed: 240,
    ratePerSecond: 150,
    durationSeconds: 20 * 240,
    thresholds: [
      ...['known', 'never-read'].map((population) => ({
        name: `no ${population} read gets a wrong byte`,
        phase: 'all',
        measure: {
          kind: 'count',
          population,
          outcomes: ['corrupt'],
          phases: ['steady', randomPhase, 'recovery', calmPhase],
        },
        must: { atMost: 0 },
      })),
      {
        name: 'no upload is acknowledged that S3 does not hold',
        phase: 'all',
        measure: { kind: 'uploads-lost', phases: ['steady', randomPhase, 'recovery', calmPhase] },
        must: { atMost: 0 },
      },
      {
        name: 'no client without credentials gets an object',
        phase: 'all',
        measure: { kind: 'strangers-served', phases: ['steady', randomPhase, 'recovery', calmPhase] },
        must: { atMost: 0 },
      },
      ...populations.flatMap((population) => [
        {
          name: `${population} requests all work within 5 s of healing`,
          phase: 'recovery',
          measure: { kind: 'time-to-recover', population, phase: 'recovery' },
          must: { atMost: 5000 },
        },
        {
          name: `every ${population} request works after that`,
          phase: calmPhase,
          measure: { kind: 'ok-ratio', population, phases: [calmPhase] },
          must: { atLeast: 1 },
        },
      ]),
      {
        name: 'every part is in use again after that: of 100 known reads at most one goes past the cache',
        phase: calmPhase,
        measure: knownReads(calmPhase, ['failover']),
        must: { atMost: { times: 0.01, of: knownReads(calmPhase, paths) } },
      },
      {
        name: 'what has expired is fetched anew: of the same few objects at most one read in four is stale',
        phase: 'fresh',
        measure: knownReads('fresh', ['stale']),
        must: { atMost: { times: 0.25, of: knownReads('fresh', paths) } },
      },
    ],
  },
  async (run) => {
    const schedule = drawFaults(run, { seconds: run.options.durationSeconds / run.options.speed, faults: 10 })
    await run.warm()
    await run.strangers()
    await run.steady({ seconds: 4 })
    await playFaults(run, schedule)
    await run.phase({ name: 'recovery', story: 'every fault is healed', seconds: 6 })
    await run.phase({ name: calmPhase, story: 'nothing is wrong', seconds: 6 })
    const few = (await run.objects({ prefix: shortLivedPrefix, maxBytes: 65_536 })).slice(0, 10)
    await run.phase({
      name: 'fresh',
      story: 'the same few short-lived objects are read again and again',
      seconds: 4,
      only: { keys: few.map(({ key }) => key) },
    })
    await run.verifyUploads()
    await shrinkIfWrong(run, schedule)
  },
)
