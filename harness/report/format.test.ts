import t from 'tap'
import { bytes, clock, count, dollars, duration, latency, percent, plural, printable } from './format.ts'

const cases: readonly (readonly [string, string, string])[] = [
  ['clock under an hour', clock(62_000), '1:02'],
  ['clock over an hour', clock(10_620_000), '2:57:00'],
  ['duration in ms', duration(320), '320 ms'],
  ['duration in seconds', duration(45_500), '45.5 s'],
  ['duration of the outage', duration(10_620_000), '2 h 57 min'],
  ['duration of days', duration(30 * 86_400_000), '30 d'],
  ['latency below a ms', latency(0.4213), '0.421 ms'],
  ['latency in seconds', latency(1204), '1.20 s'],
  ['latency of nothing', latency(null), '–'],
  ['bytes', bytes(999), '999 B'],
  ['megabytes, decimal', bytes(1_500_000), '1.50 MB'],
  ['negative bytes', bytes(-2_000), '−2.00 kB'],
  ['count', count(539_998), '539\u202f998'],
  ['a single one', plural(1, 'read'), '1 read'],
  ['several', plural(2, 'read'), '2 reads'],
  ['dollars', dollars(1234.5), '$1,234.50'],
  ['fractions of a cent', dollars(0.001234), '$0.00123'],
  ['a price', dollars(0.09), '$0.09'],
  ['below a dollar', dollars(0.5), '$0.50'],
  ['no time at all', latency(0), '0 ms'],
  ['text that a terminal would obey', printable('a\u001b[31m\nb\u0000'), 'a\ufffd[31m b\ufffd'],
]

for (const [name, got, wanted] of cases) t.equal(got, wanted, name)

t.test('a ratio never rounds to 100 % or 0 % unless it is', async (t) => {
  t.equal(percent(1), '100 %')
  t.equal(percent(0), '0 %')
  t.equal(percent(-0.004), '−0.4 %')
  t.equal(percent(539_998 / 540_000), '99.9996 %')
  t.equal(percent(1 - 1e-9), '99.9999999 %')
  t.equal(percent(0.5), '50.0 %')
  t.equal(percent(0.000001), '0.0001 %')
})
