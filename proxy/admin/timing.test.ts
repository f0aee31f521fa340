import t from 'tap'
import { VirtualClock } from '../testing/virtual-clock.ts'
import { createTiming } from './timing.ts'

t.test('quantiles are of the last one or two minutes, within one percent', async (t) => {
  const clock = new VirtualClock()
  const timing = createTiming(clock)
  t.equal(timing.quantile(0.99), 0, 'nothing recorded')
  for (let ms = 1; ms <= 1000; ms++) timing.record(ms)
  for (const q of [0.5, 0.9, 0.99, 1]) {
    t.ok(Math.abs(timing.quantile(q) / (1000 * q) - 1) < 0.01, `${q}: ${timing.quantile(q)}`)
  }
  await clock.advance(61_000)
  t.ok(timing.quantile(0.5) > 490, 'the minute before still counts')
  for (let i = 0; i < 5000; i++) timing.record(1)
  t.ok(timing.quantile(0.5) < 2)
  await clock.advance(130_000)
  t.equal(timing.quantile(0.5), 0, 'old trouble is forgotten')
  timing.record(0)
  timing.record(1e12)
  t.ok(timing.quantile(1) > 3_000_000, 'beyond an hour counts as an hour')
})
