import fc from 'fast-check'
import t from 'tap'
import { type Node, preference, warmth } from './balance.ts'

const nodes = (...names: string[]): Node[] => names.map((name) => ({ name, inFlight: 0, warmth: 1 }))
const keys = Array.from({ length: 3000 }, (_, i) => `/bucket/object-${i}.map`)
const home = (all: readonly Node[], key: string) => preference(all, key)[0]!.name

t.test('keys spread evenly', async (t) => {
  const counts = new Map<string, number>()
  const all = nodes('cache1', 'cache2', 'cache3')
  for (const key of keys) counts.set(home(all, key), (counts.get(home(all, key)) ?? 0) + 1)
  for (const [name, count] of counts) t.ok(count > 850 && count < 1150, `${name}: ${count}`)
  t.equal(counts.size, 3)
})

t.test('a lost node moves only its own keys, and spreads them over all others', async (t) => {
  const before = nodes('cache1', 'cache2', 'cache3', 'cache4')
  const after = before.filter(({ name }) => name !== 'cache2')
  const heirs = new Map<string, number>()
  for (const key of keys) {
    const old = home(before, key)
    const now = home(after, key)
    if (old === 'cache2') heirs.set(now, (heirs.get(now) ?? 0) + 1)
    else if (old !== now) t.fail(`${key} moved from ${old} to ${now}`)
  }
  for (const name of ['cache1', 'cache3', 'cache4'])
    t.ok(heirs.get(name)! > 150, `${name}: ${heirs.get(name)}`)
})

t.test('a node that carries far more than its share is passed over, but stays a fallback', async (t) => {
  const all = nodes('cache1', 'cache2', 'cache3')
  const key = keys.find((key) => home(all, key) === 'cache1')!
  const busy = all.map((node) =>
    node.name === 'cache1' ? { ...node, inFlight: 100 } : { ...node, inFlight: 20 },
  )
  t.not(home(busy, key), 'cache1')
  t.equal(preference(busy, key).at(-1)!.name, 'cache1')
  const fair = all.map((node) => ({ ...node, inFlight: 100 }))
  t.equal(home(fair, key), 'cache1')
  const idle = all.map((node) => (node.name === 'cache1' ? { ...node, inFlight: 15 } : node))
  t.equal(home(idle, key), 'cache1', 'a handful of requests is no load')
})

t.test('a node in slow start takes its keys over in steps and never gives one back', async (t) => {
  const at = (share: number) =>
    nodes('cache1', 'cache2').map((node) => (node.name === 'cache1' ? { ...node, warmth: share } : node))
  const taken = (share: number) => new Set(keys.filter((key) => home(at(share), key) === 'cache1'))
  const [tenth, half, all] = [taken(0.1), taken(0.5), taken(1)]
  t.ok(Math.abs(tenth.size / all.size - 0.1) < 0.05, `${tenth.size} of ${all.size}`)
  t.ok(Math.abs(half.size / all.size - 0.5) < 0.07, `${half.size} of ${all.size}`)
  t.ok([...tenth].every((key) => half.has(key)) && [...half].every((key) => all.has(key)))
  t.same(
    preference([{ name: 'only', inFlight: 0, warmth: 0.05 }], '/k').map(({ name }) => name),
    ['only'],
  )
})

t.test('warmth grows from little to all over the slow start', async (t) => {
  t.same(
    [0, 500, 1000, 5000].map((ms) => warmth(ms, 1000)),
    [0.05, 0.5, 1, 1],
  )
  t.equal(warmth(0, 0), 1)
})

t.test('every node stays in the order exactly once, whatever load and warmth', async () => {
  const node = fc.record({
    name: fc.string(),
    inFlight: fc.nat(500),
    warmth: fc.double({ min: 0, max: 1, noNaN: true }),
  })
  fc.assert(
    fc.property(
      fc.uniqueArray(node, { selector: ({ name }) => name, maxLength: 10 }),
      fc.string(),
      (all, key) => {
        const order = preference(all, key)
        return order.length === all.length && all.every((one) => order.includes(one))
      },
    ),
  )
})
