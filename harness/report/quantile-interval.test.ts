import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64'
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus'
import t from 'tap'
import { encodeHistogram, newHistogram, recordMs } from '../history/histogram.ts'
import { addHistogram, emptyBins, type LatencyBins } from './latency-bins.ts'
import { quantileEstimate, ratioEstimate, studentT95 } from './quantile-interval.ts'

/** A phase of exponential times around `meanMs`, each second with its own luck: up to `drift` times slower or faster. */
function fakePhase(random: () => number, { seconds = 20, reads = 100, meanMs = 10, drift = 1 } = {}) {
  const times = newHistogram()
  const blocks: LatencyBins[] = []
  for (let second = 0; second < seconds; second += 1) {
    const window = newHistogram()
    const luck = drift ** (2 * random() - 1)
    for (let i = 0; i < reads; i += 1) recordMs(window, -Math.log(1 - random()) * meanMs * luck)
    times.add(window)
    const bins = emptyBins()
    addHistogram(bins, encodeHistogram(window)!)
    blocks.push(bins)
  }
  return { times, blocks }
}

function seeded(seed: number): () => number {
  const generator = xoroshiro128plus(seed)
  return () => uniformFloat64(generator)
}

function estimate(random: () => number, quantile: number, phase: Parameters<typeof fakePhase>[1] = {}) {
  const { times, blocks } = fakePhase(random, phase)
  return quantileEstimate(times, blocks, quantile)!
}

t.test("Student's t as tables have it", async (t) => {
  const table: [number, number][] = [
    [3, 3.182],
    [5, 2.571],
    [9, 2.262],
    [29, 2.045],
    [1000, 1.962],
  ]
  for (const [freedom, value] of table) {
    t.ok(Math.abs(studentT95(freedom) / value - 1) < 0.01, `${freedom}: ${studentT95(freedom)}`)
  }
})

t.test('the interval holds the true quantile about as often as it says', async (t) => {
  const seed = Math.floor(Math.random() * 1e6)
  t.comment(`seed ${seed}`)
  const random = seeded(seed)
  for (const quantile of [0.5, 0.99]) {
    const trueMs = -Math.log(1 - quantile) * 10
    let held = 0
    for (let i = 0; i < 200; i += 1) {
      const { lowMs, highMs } = estimate(random, quantile)
      if (lowMs <= trueMs && trueMs <= (highMs ?? Infinity)) held += 1
    }
    t.ok(held >= 176, `${held} of 200 hold the true ${quantile}: ${trueMs} ms`)
  }
})

t.test('when whole seconds are slow together the interval is wider', async (t) => {
  const width = (drift: number) => {
    const { lowMs, highMs } = estimate(seeded(7), 0.5, { drift })
    return Math.log(highMs! / lowMs)
  }
  t.ok(width(3) > 3 * width(1), `${width(3)} against ${width(1)}`)
})

t.test('two runs of the same thing are rarely called different, twice as slow always is', async (t) => {
  const seed = Math.floor(Math.random() * 1e6)
  t.comment(`seed ${seed}`)
  const random = seeded(seed)
  let wrong = 0
  for (let i = 0; i < 200; i += 1) {
    const { conclusion } = ratioEstimate(
      estimate(random, 0.99, { drift: 1.5 }),
      estimate(random, 0.99, { drift: 1.5 }),
    )
    if (conclusion !== 'inconclusive') wrong += 1
  }
  t.ok(wrong <= 20, `${wrong} of 200 equal pairs were called different`)
  for (let i = 0; i < 20; i += 1) {
    const slow = estimate(random, 0.5, { meanMs: 20 })
    const fast = estimate(random, 0.5, { meanMs: 10 })
    t.equal(ratioEstimate(slow, fast).conclusion, 'higher')
    t.equal(ratioEstimate(fast, slow).conclusion, 'lower')
  }
})

t.test('too few reads bound nothing, and nothing is concluded from them', async (t) => {
  const few = estimate(seeded(1), 0.99, { seconds: 5, reads: 10 })
  t.equal(few.highMs, null)
  const many = estimate(seeded(2), 0.99, { meanMs: 1000 })
  t.match(ratioEstimate(few, many), { high: null, conclusion: 'inconclusive' }, 'few may yet be slower')
  const { times, blocks } = fakePhase(seeded(3), { seconds: 3 })
  t.equal(quantileEstimate(times, blocks, 0.5), null)
  t.equal(quantileEstimate(newHistogram(), [], 0.5), null)
})
