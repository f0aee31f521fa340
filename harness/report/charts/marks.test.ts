import t from 'tap'
import { fakeModel } from '../testing.ts'
import { marksOf } from './marks.ts'

const noFailover = {
  readsLost: 0,
  firstLossMs: null,
  lastLossMs: null,
  lossesInARow: null,
  outageMs: 0,
  staleServed: 0,
  slowestMs: null,
}

t.test(
  'what was seen of each fault, in order of time; labels that would lie on each other are one',
  async (t) => {
    const model = await fakeModel()
    const failovers = [
      {
        fault: 'a',
        injectedMs: 10_000,
        detectedMs: 200,
        switchedMs: 900,
        healedMs: 30_000,
        backMs: 5000,
        ...noFailover,
      },
      {
        fault: 'b',
        injectedMs: 60_000,
        detectedMs: null,
        switchedMs: 0,
        healedMs: null,
        backMs: null,
        ...noFailover,
      },
    ]
    t.strictSame(marksOf({ ...model, results: { ...model.results, failovers } }), [
      { atMs: 10_200, text: '1 detected, 1 switched' },
      { atMs: 10_900, text: '' },
      { atMs: 35_000, text: '1 normal again' },
    ])
  },
)
