#!/usr/bin/env zx
// The router gets a new configuration under load, three times; then it is killed with -9 and started again.
// A reload may cost nobody anything; a death costs only the reads while it is dead, and each is told at once.
import { openHarness } from '../harness/open.mjs'

const { scenario, killed, reloaded } = await openHarness(import.meta.url)

const known = { population: 'known' }
const reloads = ['reload-1', 'reload-2', 'reload-3']

await scenario(
  {
    name: 'router-restart',
    story: 'The router is reloaded, then killed, under load; a reload costs nobody anything.',
    needs: 'router',
    actsOn: ['router-reload', 'router-restart'],
    speed: 240,
    ratePerSecond: 100,
    durationSeconds: 16 * 60,
    workload: { shares: { neverRead: 0, upload: 0 } },
    thresholds: [
      ...reloads.map((phase) => ({
        name: `no read is lost in ${phase}`,
        phase,
        measure: { kind: 'ok-ratio', ...known, phases: [phase] },
        must: { atLeast: 1 },
      })),
      {
        name: 'no read takes longer than a second around a reload',
        phase: 'reloads',
        measure: { kind: 'slowest', ...known, phases: reloads },
        must: { atMost: 1000 },
      },
      {
        name: 'while the router is dead each client is told at once',
        phase: 'dead',
        measure: { kind: 'slowest-failure', ...known, phases: ['dead'] },
        must: { atMost: 500 },
      },
      {
        name: 'reads work again within a second of its start',
        phase: 'back',
        measure: { kind: 'time-to-recover', ...known, phase: 'back' },
        must: { atMost: 1000 },
      },
      {
        name: 'and all of them after that',
        phase: 'calm',
        measure: { kind: 'ok-ratio', ...known, phases: ['calm'] },
        must: { atLeast: 1 },
      },
    ],
  },
  async (run) => {
    const only = { maxBytes: 256 * 1024 }
    const calendarSeconds = run.options.durationSeconds
    await run.warm({ only })
    await run.steady({ seconds: 4, only })
    for (const name of reloads) {
      const faults = [reloaded(run.router)]
      await run.phase({
        name,
        story: 'a second in, the router reloads',
        calendarSeconds,
        changeAfterSeconds: 1,
        only,
        faults,
      })
    }
    await run.phase({
      name: 'dead',
      story: 'the router is dead',
      seconds: 2,
      only,
      faults: [killed(run.router, 'warm')],
    })
    await run.phase({ name: 'back', story: 'it is started again', seconds: 5, only })
    await run.phase({ name: 'calm', story: 'everything is as it was', seconds: 4, only })
  },
)
