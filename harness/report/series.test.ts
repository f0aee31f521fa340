import fc from 'fast-check'
import t from 'tap'
import { Series } from './series.ts'

t.test('an amount is spread over the time it took, and told per second', async (t) => {
  const series = new Series('amount')
  series.addOver(500, 2500, 2000)
  t.same(series.points(), [
    [500, 500],
    [1500, 1000],
    [2500, 500],
  ])
})

t.test('of a level the highest counts; where nobody looked there is nothing, not 0', async (t) => {
  const series = new Series('level')
  for (const [atMs, level] of [
    [100, 3],
    [600, 7],
    [900, 2],
    [2100, 0],
  ] as const)
    series.add(atMs, level)
  t.same(series.points(), [
    [500, 7],
    [1500, null],
    [2500, 0],
  ])
})

t.test('however long a run is: few points, and no byte is lost', async () => {
  const readings = fc.array(fc.integer({ min: 1, max: 200_000 }), { minLength: 1, maxLength: 60 })
  fc.assert(
    fc.property(readings, (gaps) => {
      const series = new Series('amount')
      let atMs = 0
      for (const gap of gaps) {
        series.addOver(atMs, atMs + gap, 1000)
        atMs += gap
      }
      const points = series.points()
      const widthMs = points[0]![0] * 2
      const total = points.reduce((sum, [, perSecond]) => sum + (perSecond ?? 0) * (widthMs / 1000), 0)
      return points.length <= 720 && Math.abs(total / (gaps.length * 1000) - 1) < 0.001
    }),
    { seed: 7 },
  )
})
