import t from 'tap'
import type { Failover } from '../../history/results-contract.ts'
import type { ReportModel } from '../model.ts'
import { fakeModel } from '../testing.ts'
import { failoverMarkdown, failoverSection } from './failover.ts'

const killed: Failover = {
  fault: 'killed',
  injectedMs: 10_000,
  detectedMs: 2200,
  switchedMs: 900,
  healedMs: 30_000,
  backMs: null,
  readsLost: 12,
  firstLossMs: 20,
  lastLossMs: 900,
  lossesInARow: 7,
  outageMs: 1500,
  staleServed: 3,
  slowestMs: 401,
}
const quiet: Failover = { ...killed, readsLost: 0, lossesInARow: null, outageMs: 0, firstLossMs: null }

async function modelOf(failovers: readonly Failover[]): Promise<ReportModel> {
  const model = await fakeModel({ reads: 5 })
  const measure = { kind: 'failover', fault: 'killed', column: 'detectedMs' } as const
  const threshold = { name: 'seen soon', phase: 'x', measure, must: { atMost: 2000 } }
  const result = { name: 'seen soon', phase: 'x', expression: '', measured: 2200, limit: 2000 }
  const results = { ...model.results, failovers, thresholds: [{ ...result, verdict: 'fail' as const }] }
  return { ...model, results, thresholds: [threshold] }
}

/** The cells of the row that begins so, without its head. */
async function rowOf(name: string, failovers: readonly Failover[]): Promise<string[]> {
  const text = failoverMarkdown(await modelOf(failovers))!
  const row = text.split('\n').find((line) => line.startsWith(`| ${name} |`))!
  return row
    .split(' | ')
    .slice(1)
    .map((cell) => cell.replace(/ \|$/, ''))
}

t.test('what a fault cost, a column a fault', async (t) => {
  t.same(await rowOf('Known reads lost', [killed, quiet]), ['**12**', '0'])
  t.same(await rowOf('Most lost in a row', [killed, quiet]), ['7', '–'])
  t.same(await rowOf('Error budget spent', [killed, quiet]), [
    '1.5 s (4 min 25 s, were it to last as long as the calendar)',
    '0 ms',
  ])
})

t.test('what nobody saw is no number', async (t) => {
  const old = { ...killed, lossesInARow: null, outageMs: null }
  t.same(await rowOf('Most lost in a row', [old]), ['not counted'])
  t.same(await rowOf('Error budget spent', [old]), ['no reads'])
  t.same(await rowOf('Normal again after', [old]), ['–'])
  t.equal(failoverSection(await modelOf([])), null)
})

t.test('a demand on a fault stands beside the first of that name, red when it was not met', async (t) => {
  t.same(await rowOf('Detected after', [killed, killed]), ['**2.20 s (≤ 2.00 s)**', '2.20 s'])
  const page = failoverSection(await modelOf([killed]))!.toString()
  t.match(page, /<td[^>]*class="num bad"><span>2\.20 s<br><span class="muted">≤ 2\.00 s/)
})
