import t from 'tap'
import { isOutlier, type Latency, noLatency, withSample } from './health-latency.ts'

const settledAt = (averageMs: number): Latency => ({ averageMs, samples: 100 })

t.test('the average follows its samples and starts with the first', async (t) => {
  let latency = withSample(noLatency, 100)
  t.equal(latency.averageMs, 100)
  for (let i = 0; i < 50; i++) latency = withSample(latency, 10)
  t.ok(latency.averageMs < 11)
})

t.test('an outlier is slow, and slower than who would take over', async (t) => {
  const cases: [string, Latency, Latency[], number, boolean][] = [
    ['three times the median', settledAt(301), [settledAt(80), settledAt(100), settledAt(500)], 3, true],
    ['less than three times', settledAt(299), [settledAt(100)], 3, false],
    ['slow only in single milliseconds', settledAt(40), [settledAt(1)], 3, false],
    ['too few samples', { averageMs: 900, samples: 19 }, [settledAt(1)], 3, false],
    ['nobody to take over', settledAt(900), [], 3, false],
    ['peers nobody has measured', settledAt(900), [noLatency], 3, false],
    ['switched off', settledAt(900), [settledAt(1)], 0, false],
  ]
  for (const [name, latency, peers, factor, expected] of cases) {
    t.equal(isOutlier(latency, peers, factor), expected, name)
  }
})
