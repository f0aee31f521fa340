import t, { type Test } from 'tap'
import type { HistoryLine, HoldingLine, Outcome, Population } from '../history/events.ts'
import { summarise } from '../history/summary.ts'
import { altered, demand, generatorOf, soundHistory, windowOf, withWindow } from '../history/testing.ts'
import { judge } from './judge.ts'
import type { Measure, Threshold } from './threshold.ts'

const allReads: Measure = { kind: 'ok-ratio', population: 'known', phases: ['outage'] }
const everyRead = demand(allReads, { atLeast: 1 }, 'every known read is answered')
const p99 = (phase: string): Measure => ({
  kind: 'quantile',
  population: 'known',
  timing: 'responseMs',
  quantile: 0.99,
  phases: [phase],
})
const twiceSteady = demand(
  p99('outage'),
  { atMost: { times: 2, of: p99('steady') } },
  'at most twice as slow',
)

const judged = async (lines: HistoryLine[]) => judge(await summarise(lines))

t.test('a sound run passes, and the reason says what went on', async (t) => {
  const { verdict, reason, thresholds } = await judged(soundHistory(everyRead, twiceSteady))
  t.equal(verdict, 'pass')
  t.equal(reason, 'reads continued: 300 of 300 reads of known objects were answered right during: refused')
  t.same(
    thresholds.map((it) => it.verdict),
    ['pass', 'pass'],
  )
  t.match(thresholds[1]!.expression, /known responseMs p99 \[outage\] ≤ 2 × .*\[steady\] = 4/)
})

const during = (outcome: Outcome, count: number, population: Population = 'known') =>
  windowOf('outage', population, 3000, { stale: 100 - count, [outcome]: count })
const lateRecovery = (outcome: Outcome, last: Outcome) => (lines: HistoryLine[]) =>
  withWindow(
    withWindow(lines, windowOf('recovery', 'known', 5000, { hit: 99, [outcome]: 1 })),
    windowOf('recovery', 'known', 6000, { [last]: 100 }),
  )
const failureAt = (atMs: number, responseMs: number): HistoryLine => ({
  type: 'failure',
  phase: 'recovery',
  population: 'known',
  atMs,
  key: 'a',
  outcome: 'reset',
  responseMs,
  detail: '',
  requestId: 'r',
})
const recovers = demand({ kind: 'time-to-recover', population: 'known', phase: 'recovery' }, { atMost: 500 })
const noneLost = demand({ kind: 'uploads-lost', phases: ['steady', 'outage', 'recovery'] }, { atMost: 0 })
const oneFill = demand({ kind: 'origin-fetches-per-key', phases: ['recovery'] }, { atMost: 1 })
const fastFailure = demand(
  { kind: 'slowest-failure', population: 'upload', phases: ['outage'] },
  { atMost: 1000 },
)
const downtime = demand({ kind: 'downtime-error', backend: 's3', phases: ['outage'] }, { atMost: 0.01 })
const saves = demand({ kind: 'saved-ratio', phases: ['steady', 'recovery'] }, { atLeast: 0.7 })
const noCorrupt = demand(
  { kind: 'count', population: 'known', outcomes: ['corrupt'], phases: ['outage'] },
  { atMost: 0 },
)
const detects = demand({ kind: 'failover', fault: 'refused', column: 'detectedMs' }, { atMost: 1000 })
const nobodyWaits = demand({ kind: 'slowest', population: 'upload', phases: ['outage'] }, { atMost: 1000 })
const noStorm = demand({ kind: 'origin-requests-per-arrival', phases: ['recovery'] }, { atMost: 0.02 })
const losesNone = demand({ kind: 'failover', fault: 'refused', column: 'readsLost' }, { atMost: 0 })
const readsWhatWasWritten = demand({ kind: 'outdated-reads', phases: ['outage'] }, { atMost: 0 })
const memory = demand({ kind: 'memory-growth', since: 'steady', phases: ['outage'] }, { atMost: 3e7 })
const left = demand({ kind: 'connections', which: 'left', phases: ['outage'] }, { atMost: 40 })
const most = demand({ kind: 'connections', which: 'most', phases: ['outage'] }, { atMost: 70 })
const onDisk = demand({ kind: 'store-bytes', by: 'disk', phases: ['outage'] }, { atMost: 7e6 })
const stated = demand({ kind: 'store-bytes', by: 'statement', phases: ['outage'] }, { atMost: 6e6 })
const held = (part: string, atMs: number, change: Partial<HoldingLine>) => (lines: HistoryLine[]) =>
  altered(lines, (line) =>
    line.type === 'holding' && line.part === part && line.atMs === atMs ? { ...line, ...change } : line,
  )

/** A way for a system to be broken, the demand that must notice it, and what is then measured. */
const broken: [string, Threshold, number | null, (lines: HistoryLine[]) => HistoryLine[]][] = [
  ['loses one read of 300', everyRead, 299 / 300, (lines) => withWindow(lines, during('timeout', 1))],
  [
    'drops one arrival of 300 at the cap',
    everyRead,
    299 / 300,
    (lines) =>
      altered(withWindow(lines, during('dropped', 1)), (line) =>
        line.type === 'generator' ? generatorOf(703, { sent: 702, dropped: 1 }) : line,
      ),
  ],
  ['flips a bit in one body', noCorrupt, 1, (lines) => withWindow(lines, during('corrupt', 1))],
  [
    'answers a third of the reads 50 ms late',
    twiceSteady,
    50,
    (lines) => withWindow(lines, windowOf('outage', 'known', 3000, { stale: 100 }, { okMs: 50 })),
  ],
  [
    'says no to uploads only after 1.5 s',
    fastFailure,
    1500,
    (lines) => withWindow(lines, windowOf('outage', 'upload', 4000, { http5xx: 1 }, { failedMs: 1500 })),
  ],
  [
    'lets an upload wait 1.5 s and then takes it',
    nobodyWaits,
    1500,
    (lines) => withWindow(lines, windowOf('outage', 'upload', 4000, { direct: 1 }, { okMs: 1500 })),
  ],
  [
    'lets an upload wait 1.5 s and then refuses it',
    nobodyWaits,
    1500,
    (lines) => withWindow(lines, windowOf('outage', 'upload', 4000, { http5xx: 1 }, { failedMs: 1500 })),
  ],
  [
    'asks S3 again and again',
    noStorm,
    13 / 201,
    (lines) => [
      ...lines.slice(0, -1),
      ...Array.from(
        { length: 10 },
        (): HistoryLine => ({ type: 'origin', atMs: 5400, method: 'GET', key: 'c', status: 503, bytes: 0 }),
      ),
      lines.at(-1)!,
    ],
  ],
  [
    'acknowledges an upload that S3 does not hold',
    noneLost,
    1,
    (lines) =>
      altered(lines, (line) =>
        line.type === 'upload' && line.phase === 'recovery'
          ? { ...line, heldByOrigin: 0, lost: ['uploads/3'] }
          : line,
      ),
  ],
  [
    'lets two fills through',
    oneFill,
    2,
    (lines) => [
      ...lines.slice(0, -1),
      { type: 'origin', atMs: 5400, method: 'GET', key: 'a', status: 200, bytes: 3000 },
      lines.at(-1)!,
    ],
  ],
  [
    'records 5 % less downtime than there was',
    downtime,
    0.05,
    (lines) => altered(lines, (line) => (line.type === 'downtime' ? { ...line, measuredMs: 2850 } : line)),
  ],
  [
    'fetches more than it serves',
    saves,
    1 - 500_000 / 402_000,
    (lines) => [
      ...lines.slice(0, -1),
      { type: 'origin', atMs: 6400, method: 'GET', key: 'c', status: 200, bytes: 497_000 },
      lines.at(-1)!,
    ],
  ],
  [
    'recovers after 0.8 s',
    recovers,
    800,
    (lines) => [...lateRecovery('reset', 'hit')(lines), failureAt(5700, 100)],
  ],
  [
    'never recovers',
    recovers,
    null,
    (lines) => [...lateRecovery('reset', 'reset')(lines), failureAt(6700, 100)],
  ],
  [
    'serves a private object to a stranger',
    demand({ kind: 'strangers-served', phases: ['outage'] }, { atMost: 0 }),
    1,
    (lines) => altered(lines, (line) => (line.type === 'stranger' ? { ...line, isServed: true } : line)),
  ],
  [
    'gives an older version than was acknowledged',
    readsWhatWasWritten,
    1,
    (lines) =>
      altered(lines, (line) => (line.type === 'reread' && line.read === 2 ? { ...line, read: 1 } : line)),
  ],
  [
    'has nothing under a key whose write it acknowledged',
    readsWhatWasWritten,
    1,
    (lines) =>
      altered(lines, (line) => (line.type === 'reread' && line.read === 3 ? { ...line, read: 0 } : line)),
  ],
  ['grows while another part shrinks', memory, 4e7, held('cache', 3000, { rssBytes: 1.4e8 })],
  ['keeps connections of clients that have left', left, 112, held('router', 4000, { connections: 100 })],
  ['opens more connections than it may', most, 71, held('cache', 4000, { connections: 31 })],
  ['stores a block more than it may', onDisk, 7_000_512, held('cache', 3000, { storeDiskBytes: 7_000_512 })],
  [
    'says itself that it stores too much',
    stated,
    6_000_001,
    held('cache', 3000, { storeStatedBytes: 6_000_001 }),
  ],
  [
    'notices the fault after 1.4 s',
    detects,
    1400,
    (lines) =>
      altered(lines, (line) =>
        line.type === 'state' && line.state === 'down' ? { ...line, atMs: 3400 } : line,
      ),
  ],
  [
    'loses reads to the fault',
    losesNone,
    4,
    (lines) => [
      ...withWindow(lines, during('reset', 4)).slice(0, -1),
      { ...(failureAt(3100, 5) as HistoryLine & { type: 'failure' }), phase: 'outage', suppressed: 3 },
      lines.at(-1)!,
    ],
  ],
]

for (const [what, threshold, measured, damage] of broken) {
  t.test(`a system that ${what} fails`, async (t) => {
    const sound = await judged(soundHistory(threshold))
    t.equal(sound.verdict, 'pass', 'the healthy one passes the same demand')
    const { verdict, reason, thresholds } = await judged(damage(soundHistory(threshold)))
    t.equal(verdict, 'fail', reason)
    t.match(reason, threshold.name)
    isAbout(t, thresholds[0]!.measured, measured)
  })
}

function isAbout(t: Test, measured: number | null, expected: number | null): void {
  if (measured === null || expected === null) t.equal(measured, expected)
  else t.ok(Math.abs(measured - expected) <= Math.abs(expected) * 1e-3, `${measured} is about ${expected}`)
}

t.test('who was refused by S3 has fetched nothing from it', async (t) => {
  const once = demand({ kind: 'origin-fetches-per-key', phases: ['recovery'] }, { atMost: 1 })
  const asked = (status: number): HistoryLine => ({
    ...{ type: 'origin', atMs: 5400, method: 'GET', key: 'a', status, bytes: 0 },
  })
  const lines = soundHistory(once)
  for (const [status, verdict] of [
    [403, 'pass'],
    [304, 'fail'],
  ] as const) {
    t.equal((await judged([...lines.slice(0, -1), asked(status), lines.at(-1)!])).verdict, verdict)
  }
})

t.test('the reason counts the other demands that are not met', async (t) => {
  const lines = withWindow(soundHistory(everyRead, noCorrupt), during('corrupt', 2))
  const { reason } = await judged(lines)
  t.match(reason, /not met: every known read is answered \(99\.3 %; must be at least 100 %\), and 1 more/)
})

const without = (type: HistoryLine['type']) => (lines: HistoryLine[]) =>
  altered(lines, (line) => (line.type === type ? null : line))

/** What makes a run worthless though nothing it measured is bad. */
const doubtful: [string, RegExp, (lines: HistoryLine[]) => HistoryLine[]][] = [
  ['nothing at all', /does not say what was run/, () => []],
  [
    'no demands',
    /nothing was demanded/,
    (lines) => altered(lines, (line) => (line.type === 'run' ? { ...line, thresholds: [] } : line)),
  ],
  ['no end', /cut short/, without('end')],
  [
    'an interruption',
    /interrupted/,
    (lines) => altered(lines, (line) => (line.type === 'end' ? { ...line, interrupted: true } : line)),
  ],
  ['no word from the generator', /did not say how well it kept its schedule/, without('generator')],
  [
    'only failed reads of what was written',
    /no data for "the demand"/,
    (lines) =>
      altered(lines, (line) => {
        if (line.type === 'run') return { ...line, thresholds: [readsWhatWasWritten] }
        return line.type === 'reread' ? { ...line, read: null } : line
      }),
  ],
  [
    'nobody looked at the store',
    /no data for "the demand"/,
    (lines) =>
      altered(lines, (line) => {
        if (line.type === 'run') return { ...line, thresholds: [onDisk] }
        return line.type === 'holding' ? null : line
      }),
  ],
  [
    'memory not known before',
    /no data for "the demand"/,
    (lines) =>
      altered(lines, (line) => {
        if (line.type === 'run') return { ...line, thresholds: [memory] }
        return line.type === 'holding' && line.atMs === 1000 ? null : line
      }),
  ],
  ['no arrivals', /the history counts 0|no data/, without('window')],
  [
    'an empty phase',
    /no data for "every known read is answered"/,
    (lines) =>
      altered(
        altered(lines, (line) => (line.type === 'window' && line.phase === 'outage' ? null : line)),
        (line) => (line.type === 'generator' ? generatorOf(402) : line),
      ),
  ],
  [
    'a phase that never ended',
    /outage never ended/,
    (lines) =>
      altered(lines, (line) =>
        line.type === 'phase' && line.name === 'outage' && line.edge === 'end' ? null : line,
      ),
  ],
  [
    'an arrival that ended in no outcome',
    /in steady, 201 known arrivals were scheduled and 200 ended/,
    (lines) =>
      withWindow(
        altered(lines, (line) => (line.type === 'generator' ? generatorOf(704) : line)),
        { ...windowOf('steady', 'known', 1000, { hit: 100 }), scheduled: 101 },
      ),
  ],
  [
    'an arrival that ended twice',
    /in outage, 300 known arrivals were scheduled and 301 ended/,
    (lines) => withWindow(lines, { ...during('hit', 1), byOutcome: { hit: 2, stale: 99 } }),
  ],
  [
    'windows that were lost on the way',
    /scheduled 703 arrivals, the history counts 603/,
    (lines) =>
      altered(lines, (line) =>
        line.type === 'window' && line.atMs === 1000 && line.population === 'known' ? null : line,
      ),
  ],
  [
    'a fault that touched nothing',
    /"refused" on cache-s3 touched no traffic/,
    (lines) =>
      altered(lines, (line) =>
        line.type === 'fault' && line.edge === 'healed'
          ? { ...line, touched: { count: 0, evidence: 'connections' } }
          : line,
      ),
  ],
  [
    'a fault without evidence',
    /touched no traffic/,
    (lines) =>
      altered(lines, (line) => {
        if (line.type !== 'fault' || line.edge !== 'healed') return line
        const { touched: _, ...bare } = line
        return bare
      }),
  ],
  [
    'a fault that was never healed',
    /touched no traffic/,
    (lines) => altered(lines, (line) => (line.type === 'fault' && line.edge === 'healed' ? null : line)),
  ],
  [
    'a generator that was late',
    /could not keep its schedule: 1 % of arrivals were sent 150.0 ms late/,
    (lines) => altered(lines, (line) => (line.type === 'generator' ? { ...line, slipP99Ms: 150 } : line)),
  ],
  [
    'a part that died',
    /the cache died/,
    (lines) => [...lines.slice(0, -1), { type: 'doubt', atMs: 1, reason: 'the cache died' }, lines.at(-1)!],
  ],
  ['a phase that began twice', /began twice/, (lines) => [...lines.slice(0, -1), lines[1]!, lines.at(-1)!]],
  [
    'arrivals of a phase that never began',
    /phase ghost, which never began/,
    (lines) => [...lines.slice(0, -1), windowOf('ghost', 'known', 0, { hit: 1 }), lines.at(-1)!],
  ],
]

for (const [what, reason, damage] of doubtful) {
  t.test(`a run with ${what} is unknown`, async (t) => {
    const end = await judged(damage(soundHistory(everyRead)))
    t.equal(end.verdict, 'unknown')
    t.match(end.reason, reason)
  })
}

t.test('a late generator blurs response times: neither pass nor fail can be told from them', async (t) => {
  const slow = withWindow(
    soundHistory(twiceSteady),
    windowOf('outage', 'known', 3000, { stale: 100 }, { okMs: 50 }),
  )
  const late = (lines: HistoryLine[]) =>
    altered(lines, (line) => (line.type === 'generator' ? { ...line, slipP99Ms: 3 } : line))
  for (const lines of [late(slow), late(soundHistory(twiceSteady))]) {
    const { verdict, reason } = await judged(lines)
    t.equal(verdict, 'unknown')
    t.match(reason, /"at most twice as slow" can't be judged: the load generator was late itself/)
  }
})

t.test('an unasked origin leaves lost uploads unknown, not zero', async (t) => {
  const { verdict, thresholds } = await judged(without('upload')(soundHistory(noneLost)))
  t.equal(verdict, 'unknown')
  t.equal(thresholds[0]!.measured, null)
})

t.test('a demand about phases of which one is missing is unknown', async (t) => {
  const demands = demand({ ...allReads, phases: ['outage', 'absent'] } as Measure, { atLeast: 1 })
  t.equal((await judged(soundHistory(demands))).verdict, 'unknown')
})

t.test('a failed demand outweighs every doubt', async (t) => {
  const lines = without('end')(withWindow(soundHistory(everyRead), during('timeout', 1)))
  t.equal((await judged(lines)).verdict, 'fail')
})
