import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64'
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus'
import t from 'tap'
import { okRatioInterval } from './ratio-interval.ts'

const blocksOf = (failed: readonly number[], scheduled = 100) =>
  failed.map((count) => ({ ok: scheduled - count, scheduled }))

t.test(
  'none failed: the ratio is 100 %, and how much lower it may be goes by how many were tried',
  async (t) => {
    const few = okRatioInterval(blocksOf([0, 0, 0, 0]))!
    const many = okRatioInterval(blocksOf(Array.from({ length: 60 }, () => 0)))!
    t.equal(few.high, 1)
    t.ok(0.97 < few.low && few.low < 0.98, `${few.low}`)
    t.ok(0.999 < many.low && many.low < 1, `${many.low}`)
  },
)

t.test('failures in a burst say less than as many that are spread', async (t) => {
  const width = ({ low, high }: { low: number; high: number }) => high - low
  const spread = okRatioInterval(blocksOf([5, 5, 5, 5, 5, 5, 5, 5]))!
  const burst = okRatioInterval(blocksOf([40, 0, 0, 0, 0, 0, 0, 0]))!
  t.ok(width(burst) > 3 * width(spread), `${width(burst)} against ${width(spread)}`)
})

t.test('too little to say anything', async (t) => {
  t.equal(okRatioInterval(blocksOf([0, 0, 0])), null)
  t.equal(okRatioInterval(blocksOf([0, 0, 0, 0], 0)), null)
})

t.test('the interval holds the true ratio about as often as it says', async (t) => {
  const seed = Math.floor(Math.random() * 1e6)
  t.comment(`seed ${seed}`)
  const generator = xoroshiro128plus(seed)
  let held = 0
  for (let run = 0; run < 400; run += 1) {
    const failed = Array.from({ length: 20 }, () => {
      // Each block has its own ratio, 0.9 on average.
      const ratio = 0.05 + 0.1 * uniformFloat64(generator)
      return Array.from({ length: 100 }, () => uniformFloat64(generator) < ratio).filter(Boolean).length
    })
    const { low, high } = okRatioInterval(blocksOf(failed))!
    if (low <= 0.9 && 0.9 <= high) held += 1
  }
  t.ok(held >= 0.91 * 400, `held in ${held} of 400`)
})
