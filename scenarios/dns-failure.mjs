#!/usr/bin/env zx
// S3's name stops resolving: it does not exist, then the nameserver fails, then it says nothing at all.
// Reads of what was read before go on; nobody waits longer than a second; when the name is back, so is everything.
import { openHarness } from '../harness/open.mjs'

const { scenario, nameAnswers } = await openHarness(import.meta.url)

const kinds = ['nxdomain', 'servfail', 'silence']
const phases = kinds.map((kind) => `name-${kind}`)

await scenario(
  {
    name: 'dns-failure',
    story: "S3's name does not resolve, in three ways; known reads go on, and nobody waits for DNS.",
    needs: 'cache',
    actsOn: ['nameserver'],
    speed: 240,
    ratePerSecond: 100,
    durationSeconds: 72 * 60,
    thresholds: [
      {
        name: 'every read of a known object is answered, byte for byte right',
        phase: 'name away',
        measure: { kind: 'ok-ratio', population: 'known', phases: [...phases, 'recovery'] },
        must: { atLeast: 1 },
      },
      {
        name: 'no known read takes longer than 500 ms',
        phase: 'name away',
        measure: { kind: 'slowest', population: 'known', phases },
        must: { atMost: 500 },
      },
      ...['never-read', 'upload'].flatMap((population) => [
        {
          name: `no ${population} request takes longer than a second, served or refused`,
          phase: 'name away',
          measure: { kind: 'slowest', population, phases },
          must: { atMost: 1000 },
        },
        {
          name: `${population} requests work again within 2 s of healing`,
          phase: 'recovery',
          measure: { kind: 'time-to-recover', population, phase: 'recovery' },
          must: { atMost: 2000 },
        },
      ]),
    ],
  },
  async (run) => {
    const { nameserver, origin } = run.deployment
    await run.warm()
    await run.steady({ seconds: 5 })
    for (const kind of kinds) {
      await run.phase({
        name: `name-${kind}`,
        story: `asked for S3's address, the nameserver answers: ${kind}`,
        calendarSeconds: run.options.durationSeconds / kinds.length,
        faults: [nameAnswers(nameserver, origin.host, { kind })],
      })
    }
    await run.phase({ name: 'recovery', story: 'the name resolves again', seconds: 6 })
  },
)
