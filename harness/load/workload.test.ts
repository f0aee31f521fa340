import { readFileSync } from 'node:fs'
import t from 'tap'
import type { LoadObject } from './objects.ts'
import { filterObjects } from './objects.ts'
import { arrivals } from './pacer.ts'
import { randomStream } from './random.ts'
import { partPicker, popularityPicker, populationPicker, sampleBySize } from './workload.ts'

const objects: LoadObject[] = Array.from({ length: 200 }, (_, i) => ({
  key: `k${i}`,
  bytes: i < 4 ? 30_000_000 : 1000 + i,
  sha256: '0'.repeat(64),
  role: 'known',
}))
const rule = { zipf: 1, bigObjectBytes: 1_000_000, bigObjectShare: 0.01 }

t.test('constant arrivals are evenly spaced and stop before the end', (t) => {
  t.same([...arrivals('constant', 4, 1000, () => 0)], [0, 250, 500, 750])
  t.same([...arrivals('constant', 3, 1000, () => 0)].length, 3)
  t.end()
})

t.test(
  'poisson arrivals have the rate that was asked for, gaps that vary as they should, and follow the seed',
  (t) => {
    const dues = [...arrivals('poisson', 1000, 60_000, randomStream(5, 'x'))]
    t.same(dues, [...arrivals('poisson', 1000, 60_000, randomStream(5, 'x'))])
    t.notSame(dues.slice(0, 3), [...arrivals('poisson', 1000, 10, randomStream(6, 'x'))].slice(0, 3))
    // 60,000 expected, standard deviation 245: six of them.
    t.ok(Math.abs(dues.length - 60_000) < 1500, `${dues.length} arrivals`)
    t.ok(dues.every((due, i) => due < 60_000 && (i === 0 || due >= dues[i - 1]!)))
    const gaps = dues.slice(1).map((due, i) => due - dues[i]!)
    const longer = gaps.filter((gap) => gap > 1).length / gaps.length
    t.ok(
      Math.abs(longer - Math.exp(-1)) < 0.02,
      `${longer} of the gaps are longer than the mean, e^-1 expected`,
    )
    t.end()
  },
)

t.test('popularity falls as 1 / rank^zipf, and big objects share a stated part evenly', (t) => {
  const pick = popularityPicker(objects, rule, 3, randomStream(3, 'x'))
  const counts = new Map<string, number>()
  const draws = 200_000
  for (let i = 0; i < draws; i++) {
    const { key } = pick()
    counts.set(key, (counts.get(key) ?? 0) + 1)
  }
  const of = (keys: string[]) => keys.map((key) => counts.get(key) ?? 0)
  const big = of(['k0', 'k1', 'k2', 'k3'])
  const bigShare = big.reduce((a, b) => a + b) / draws
  t.ok(Math.abs(bigShare - rule.bigObjectShare) < 0.002, `big objects get ${bigShare}`)
  t.ok(Math.max(...big) / Math.min(...big) < 1.4, `each alike: ${big}`)
  const ranked = of(objects.slice(4).map(({ key }) => key)).sort((a, b) => b - a)
  const ratio = ranked[0]! / ranked[9]!
  t.ok(ratio > 8 && ratio < 12.5, `the first is asked for ${ratio} times as often as the tenth`)
  t.end()
})

t.test('which object is popular depends on the seed and not on its size', (t) => {
  const first = (seed: number) => {
    const pick = popularityPicker(objects.slice(4), { ...rule, zipf: 3 }, seed, randomStream(1, 'x'))
    const counts = new Map<string, number>()
    for (let i = 0; i < 300; i++) {
      const { key } = pick()
      counts.set(key, (counts.get(key) ?? 0) + 1)
    }
    return [...counts].sort((a, b) => b[1] - a[1])[0]![0]
  }
  const favourites = Array.from({ length: 20 }, (_, seed) => first(seed))
  t.ok(new Set(favourites).size > 12, `favourites of twenty seeds: ${favourites.join(' ')}`)
  t.end()
})

t.test('only big or only small objects are drawn alike', (t) => {
  t.ok(popularityPicker(objects.slice(0, 4), rule, 1, randomStream(1, 'x'))().bytes > rule.bigObjectBytes)
  t.ok(popularityPicker(objects.slice(4), rule, 1, randomStream(1, 'x'))().bytes < rule.bigObjectBytes)
  t.end()
})

t.test('shares of populations are those asked for', (t) => {
  const pick = populationPicker({ neverRead: 0.1, upload: 0.05 }, randomStream(1, 'p'))
  const drawn = Array.from({ length: 100_000 }, pick)
  const share = (name: string) => drawn.filter((it) => it === name).length / drawn.length
  t.ok(Math.abs(share('never-read') - 0.1) < 0.006)
  t.ok(Math.abs(share('upload') - 0.05) < 0.005)
  t.end()
})

t.test('a cold sample has all sizes in it, no object twice, and at most what there is', (t) => {
  const sample = sampleBySize(objects, 50, 1)
  t.equal(new Set(sample).size, 50)
  t.ok(sample.some(({ bytes }) => bytes > 1e6))
  t.equal(sampleBySize(objects, 1000, 1).length, 200)
  t.same(sampleBySize(objects, 50, 1), sample)
  t.end()
})

t.test('filters narrow by prefix, size and key together', (t) => {
  t.equal(filterObjects(objects, {}).length, 200)
  t.same(
    filterObjects(objects, { prefix: 'k1', minBytes: 1100, maxBytes: 1e6, keys: ['k1', 'k150', 'k99'] }).map(
      ({ key }) => key,
    ),
    ['k150'],
  )
  t.same(filterObjects(objects, { maxBytes: 999 }), [])
  t.end()
})

t.test('planning knows no clock and no socket', (t) => {
  for (const file of ['pacer.ts', 'workload.ts', 'random.ts']) {
    const source = readFileSync(new URL(file, import.meta.url), 'utf8')
    t.notMatch(source, /Date\.now|performance\.|Math\.random|node:(net|timers|http)/, file)
  }
  t.end()
})

t.test('parts lie within the object, come in every form, as often as asked for, and follow the seed', (t) => {
  const bytes = 1000
  const drawn = (seed: number) => {
    const pick = partPicker(0.5, randomStream(seed, 'x'))
    return Array.from({ length: 4000 }, () => pick(bytes)).filter((part) => part !== null)
  }
  const parts = drawn(4)
  t.same(parts, drawn(4))
  // 2,000 expected, standard deviation 32: six of them.
  t.ok(Math.abs(parts.length - 2000) < 190, `${parts.length} parts of 4,000 reads`)
  const forms = parts.map(({ first, last, range }) => {
    const isWithin = first >= 0 && first <= last && last < bytes
    if (!isWithin) t.fail(`${first} to ${last} is not within ${bytes} bytes`)
    if (range === `bytes=${first}-${last}`) return 'closed'
    t.equal(last, bytes - 1, `${range} reaches to the end`)
    return range === `bytes=${first}-` ? 'open' : range === `bytes=-${bytes - first}` ? 'suffix' : 'wrong'
  })
  t.same([...new Set(forms)].sort(), ['closed', 'open', 'suffix'])
  t.equal(partPicker(1, randomStream(4, 'x'))(1)?.last, 0, 'of one byte there is one part')
  t.equal(partPicker(0, randomStream(4, 'x'))(1000), null)
  t.end()
})
