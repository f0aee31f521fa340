import fc from 'fast-check'
import t from 'tap'
import { type HistoryLine, type Outcome, okOutcomes, outcomes, populations } from './events.ts'
import { quantileMs } from './histogram.ts'
import { resultsOf } from './results.ts'
import { type Summary, summarise } from './summary.ts'
import { altered, demand, generatorOf, phaseOf, runOf, soundHistory, windowOf } from './testing.ts'

const everyRead = demand({ kind: 'ok-ratio', population: 'known', phases: ['outage'] }, { atLeast: 1 })

t.test('the results of a sound run', async (t) => {
  const results = resultsOf(await summarise(soundHistory(everyRead)))
  t.match(results, {
    schema: 1,
    scenario: 'a-test',
    verdict: 'pass',
    wallSeconds: 7.1,
    bandwidth: {
      servedBytes: 702_000,
      originBytes: 3000,
      savedRatio: 1 - 3000 / 702_000,
      duplicateFills: 0,
      duplicatesPastCache: 0,
      money: { dollarsPerGb: 0.09, servedDollars: 0.000_063_18 },
    },
    generator: { slipP99Ms: 0.3 },
    systemCpuSeconds: { router: 1.5 },
  })
  t.same(results.failovers, [
    {
      fault: 'refused',
      injectedMs: 2000,
      detectedMs: 400,
      switchedMs: 0,
      healedMs: 5000,
      backMs: 900,
      readsLost: 0,
      firstLossMs: null,
      lastLossMs: null,
      lossesInARow: null,
      outageMs: 0,
      staleServed: 200,
      slowestMs: 2,
    },
  ])
  const [, outage] = results.phases
  t.match(outage, {
    name: 'outage',
    startMs: 2000,
    endMs: 5000,
    calendarSeconds: 3,
    reads: { scheduled: 300, ok: 300, failed: 0, byOutcome: { hit: 100, stale: 200, miss: 0 } },
    writes: { scheduled: 1, ok: 0, failed: 1 },
    bytes: { served: 300_000, origin: 0 },
  })
  t.same(Object.keys(outage!.reads.byOutcome), outcomes)
})

t.test('reads past a dead cache are no duplicate fetches of the cache', async (t) => {
  const again = (atMs: number): HistoryLine => ({
    type: 'origin',
    atMs,
    method: 'GET',
    key: 'a',
    status: 200,
    bytes: 9,
  })
  const lines = altered(soundHistory(), (line) =>
    line.type === 'window' && line.atMs === 2000 ? { ...line, byOutcome: { hit: 98, failover: 2 } } : line,
  )
  const fourInTheOutage = [2100, 2200, 2300, 2400].map(again)
  const fetched = [...lines.slice(0, -2), ...fourInTheOutage, again(5500), ...lines.slice(-2)]
  const { bandwidth } = resultsOf(await summarise(fetched))
  t.match(bandwidth, { duplicateFills: 4, duplicatesPastCache: 2 }, 'one in the recovery is the cache’s own')
})

t.test('the speed turns wall time into calendar time', async (t) => {
  const lines = altered(soundHistory(), (line) => (line.type === 'run' ? { ...line, speed: 240 } : line))
  t.equal(resultsOf(await summarise(lines)).phases[1]!.calendarSeconds, 720)
})

t.test('a control phase is measured, and no part of the ledger', async (t) => {
  const lines = soundHistory()
  const cold: HistoryLine[] = [
    { type: 'phase', name: 'cold', story: '', control: true, edge: 'start', atMs: 7000 },
    windowOf('cold', 'known', 7000, { direct: 50 }),
    { type: 'origin', atMs: 7100, method: 'GET', key: 'z', status: 200, bytes: 50_000 },
    phaseOf('cold', 'end', 7200),
  ]
  const results = resultsOf(
    await summarise([...lines.slice(0, -2), ...cold, generatorOf(753), lines.at(-1)!]),
  )
  t.match(results.phases.at(-1), { name: 'cold', bytes: { served: 50_000, origin: 50_000 } })
  t.match(results.bandwidth, { servedBytes: 702_000, originBytes: 3000 })
})

t.test(
  'what reached the origin outside of all phases, by part, or in vain is no fetch of a key',
  async (t) => {
    const origin = (atMs: number, more: Partial<HistoryLine & { type: 'origin' }> = {}): HistoryLine => ({
      type: 'origin',
      atMs,
      method: 'GET',
      key: 'a',
      status: 200,
      bytes: 10,
      ...more,
    })
    const lines = [
      runOf(),
      phaseOf('p', 'start', 1000),
      origin(900), // seeding
      origin(1100),
      origin(1200, { status: 304, bytes: 0 }),
      origin(1300, { status: 503 }),
      origin(1400, { range: 'bytes=0-3', status: 206, bytes: 4 }),
      origin(1500, { method: 'HEAD', bytes: 0 }),
      origin(1600, { key: '' }),
      phaseOf('p', 'end', 2000),
      origin(2100), // verification
    ]
    const [phase] = (await summarise(lines)).phases
    t.same([...phase!.originFetches], [['a', 2]])
    t.same([...phase!.originFills], [['a', 1]])
    t.equal(phase!.originRequests, 6)
  },
)

t.test('a line that makes no sense is a doubt and harms no other', async (t) => {
  const bad = { ...windowOf('outage', 'known', 4500, { hit: 1 }), responseUs: 'no histogram' }
  const summary = await summarise([...soundHistory(everyRead), bad])
  t.match(summary.doubts.join('\n'), /line \d+ of the history \(window\) makes no sense/)
})

const someOutcomes = fc.dictionary(fc.constantFrom(...outcomes), fc.integer({ min: 0, max: 50 }))
const someWindows = fc.array(
  fc.record({
    population: fc.constantFrom(...populations),
    second: fc.integer({ min: 0, max: 20 }),
    byOutcome: someOutcomes as fc.Arbitrary<Partial<Record<Outcome, number>>>,
    okMs: fc.double({ min: 0.01, max: 10_000, noNaN: true }),
  }),
  { maxLength: 30 },
)

const summaryOf = (windows: HistoryLine[]): Promise<Summary> => {
  const scheduled = windows.reduce((sum, line) => sum + (line.type === 'window' ? line.scheduled : 0), 0)
  return summarise([
    runOf(everyRead),
    phaseOf('outage', 'start', 0),
    ...windows,
    phaseOf('outage', 'end', 21_000),
    generatorOf(scheduled),
    { type: 'end', atMs: 21_000, interrupted: false },
  ])
}

t.test(
  'whatever the windows: outcomes add up, times are of ok arrivals only, order does not matter',
  async (t) => {
    const property = fc.asyncProperty(someWindows, async (drawn) => {
      const windows = drawn.map(({ population, second, byOutcome, okMs }) =>
        windowOf('outage', population, second * 1000, byOutcome, { okMs }),
      )
      const results = resultsOf(await summaryOf(windows))
      const { reads, writes, responseMs } = results.phases[0]!
      const ended = Object.values(reads.byOutcome).reduce((sum, n) => sum + n, 0)
      const ok = outcomes
        .filter((it) => okOutcomes.has(it))
        .reduce((sum, it) => sum + reads.byOutcome[it]!, 0)
      const summary = await summaryOf(windows.toReversed())
      const backwards = resultsOf(summary)
      return (
        ended === reads.scheduled &&
        ok === reads.ok &&
        reads.ok + reads.failed === reads.scheduled &&
        writes.ok + writes.failed === writes.scheduled &&
        (responseMs === null) === (reads.ok === 0) &&
        (responseMs === null || (responseMs.p50 <= responseMs.p99 && responseMs.p99 <= responseMs.max)) &&
        JSON.stringify(backwards) === JSON.stringify(results) &&
        summary.doubts.length === 0
      )
    })
    const report = await fc.check(property, { numRuns: 60 })
    t.notOk(report.failed, `seed ${report.seed}, counterexample ${JSON.stringify(report.counterexample)}`)
  },
)

t.test('whatever the windows: one count that is off makes a doubt', async (t) => {
  const property = fc.asyncProperty(someWindows, fc.nat(), async (drawn, pick) => {
    fc.pre(drawn.length > 0)
    const windows = drawn.map(({ population, second, byOutcome }) =>
      windowOf('outage', population, second * 1000, byOutcome),
    )
    const at = pick % windows.length
    windows[at] = { ...windows[at]!, scheduled: windows[at]!.scheduled + 1 }
    return (await summaryOf(windows)).doubts.length > 0
  })
  const report = await fc.check(property, { numRuns: 60 })
  t.notOk(report.failed, `seed ${report.seed}, counterexample ${JSON.stringify(report.counterexample)}`)
})

t.test('quantiles of merged seconds are those of all their arrivals', async (t) => {
  const seconds = [
    windowOf('outage', 'known', 0, { hit: 90 }, { okMs: 1 }),
    windowOf('outage', 'known', 1000, { hit: 10 }, { okMs: 100 }),
  ]
  const { known } = (await summaryOf(seconds)).phases[0]!.populations
  t.equal(Math.round(quantileMs(known.responseUs, 0.9)!), 1)
  t.equal(Math.round(quantileMs(known.responseUs, 0.91)!), 100)
})
