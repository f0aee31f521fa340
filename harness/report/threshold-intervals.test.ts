import t from 'tap'
import type { Measure, Threshold } from '../checkers/threshold.ts'
import type { HistoryLine } from '../history/events.ts'
import { resultsOf } from '../history/results.ts'
import { summarise } from '../history/summary.ts'
import { ModelBuilder, type ReportModel } from './model.ts'
import { intervalText, isCloseCall, marginText } from './sections/measured.ts'
import { type FakeRun, fakeHistory } from './testing.ts'

const p99 = (phase: string, quantile = 0.99): Measure => ({
  kind: 'quantile',
  population: 'known',
  timing: 'responseMs',
  quantile,
  phases: [phase],
})

async function modelWith(run: FakeRun, measure: Measure, must: Threshold['must']): Promise<ReportModel> {
  const threshold = { name: 'it', phase: 'x', measure, must }
  const lines = [...fakeHistory(run)].map(
    (line): HistoryLine => (line.type === 'run' ? { ...line, thresholds: [threshold] } : line),
  )
  const builder = new ModelBuilder()
  for (const line of lines) builder.add(line)
  const summary = await summarise(lines)
  return builder.snapshot(summary, resultsOf(summary))
}

const steady = { reads: 300, stretch: 2 }

t.test('a quantile far from its limit: an interval around it, and a margin', async (t) => {
  const model = await modelWith(steady, p99('steady', 0.5), { atMost: 500 })
  const low = model.intervals[0]!.low
  const high = model.intervals[0]!.high!
  const [result] = model.results.thresholds
  t.ok(low <= result!.measured! && result!.measured! <= high, `${low} to ${high}`)
  t.match(intervalText(model, 'it'), /^0\.\d+ ms to 0\.\d+ ms$/)
  t.equal(isCloseCall(model, 'it'), false)
  t.match(marginText(model, result!), /^499 ms|500 ms$/)
})

t.test('a limit within the interval is a close call, one relative to another phase too', async (t) => {
  const first = await modelWith(steady, p99('steady', 0.5), { atMost: 500 })
  const limit = first.results.thresholds[0]!.measured!
  t.equal(isCloseCall(await modelWith(steady, p99('steady', 0.5), { atMost: limit }), 'it'), true)
  const itself = { times: 1, of: p99('steady', 0.5) }
  t.equal(isCloseCall(await modelWith(steady, p99('steady', 0.5), { atMost: itself }), 'it'), true)
  const twice = { times: 2, of: p99('steady', 0.5) }
  t.equal(isCloseCall(await modelWith(steady, p99('steady', 0.5), { atMost: twice }), 'it'), false)
})

t.test('a ratio: how much lower it may be; what is missing to the limit', async (t) => {
  const measure = { kind: 'ok-ratio', population: 'known', phases: ['outage-503'] } as const
  const model = await modelWith({ reads: 100, lost: 1 }, measure, { atLeast: 0.995 })
  t.match(intervalText(model, 'it'), /^98\.\d+ % to 99\.\d+ %$/)
  t.equal(marginText(model, model.results.thresholds[0]!), 'short by 0.5 points')
})

t.test('a maximum, a count, and what was not measured have no interval', async (t) => {
  const count = { kind: 'count', population: 'known', outcomes: ['stale'], phases: ['recovery'] } as const
  for (const [measure, must, margin] of [
    [p99('steady', 1), { atMost: 1e9 }, /s$/],
    [count, { atMost: 0 }, /^none$/],
    [p99('no such phase'), { atMost: 1 }, /^–$/],
  ] as const) {
    const model = await modelWith(steady, measure, must)
    t.same(model.intervals, [])
    t.equal(intervalText(model, 'it'), null)
    t.match(marginText(model, model.results.thresholds[0]!), margin)
  }
})
