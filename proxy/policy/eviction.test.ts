import fc from 'fast-check'
import t, { type Test } from 'tap'
import { createEviction, type EvictionName, type EvictionPolicy, evictionNames } from './eviction.ts'

type Step =
  | { readonly kind: 'request' | 'remove'; readonly id: number }
  | { readonly kind: 'shrink'; readonly bytes: number }

const capacityBytes = 1000

/** Sizes belong to ids, so that an id means the same object whenever it comes again. */
function bytesOf(id: number): number {
  return 1 + ((id * 37) % 180)
}

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 12, arbitrary: fc.record({ kind: fc.constant('request' as const), id: fc.nat(60) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('remove' as const), id: fc.nat(60) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('shrink' as const), bytes: fc.nat(capacityBytes) }) },
)

/** What a policy drops for a step; a request touches what is there and admits what is not. */
function run(policy: EvictionPolicy, taken: Step): readonly number[] {
  if (taken.kind === 'shrink') return policy.shrinkTo(taken.bytes)
  if (taken.kind === 'remove') {
    policy.remove(taken.id)
    return []
  }
  if (!policy.has(taken.id)) return policy.admit(taken.id, bytesOf(taken.id))
  policy.touch(taken.id)
  return []
}

// The same policies written for the eye: arrays, newest first, and nothing clever.

interface Kept {
  readonly id: number
  uses: number
}

interface Model {
  has(id: number): boolean
  admit(id: number): number[]
  touch(id: number): void
  remove(id: number): void
  shrinkTo(bytes: number): number[]
}

function sum(list: readonly Kept[]): number {
  return list.reduce((total, { id }) => total + bytesOf(id), 0)
}

function lruModel(): Model {
  let list: Kept[] = []
  const shrinkTo = (bytes: number) => {
    const dropped: number[] = []
    while (sum(list) > bytes) dropped.push(list.pop()!.id)
    return dropped
  }
  const without = (id: number) => list.filter((kept) => kept.id !== id)
  return {
    has: (id) => list.some((kept) => kept.id === id),
    admit(id) {
      const dropped = shrinkTo(capacityBytes - bytesOf(id))
      list.unshift({ id, uses: 0 })
      return dropped
    },
    touch(id) {
      list = [{ id, uses: 0 }, ...without(id)]
    },
    remove(id) {
      list = without(id)
    },
    shrinkTo,
  }
}

function sieveModel(): Model {
  let list: Kept[] = []
  let hand: Kept | undefined
  const towardsHead = (kept: Kept) => list[list.indexOf(kept) - 1]
  const evictOne = () => {
    let at = hand ?? list.at(-1)!
    while (at.uses > 0) {
      at.uses = 0
      at = towardsHead(at) ?? list.at(-1)!
    }
    hand = towardsHead(at)
    list = list.filter((kept) => kept !== at)
    return at.id
  }
  const shrinkTo = (bytes: number) => {
    const dropped: number[] = []
    while (sum(list) > bytes) dropped.push(evictOne())
    return dropped
  }
  return {
    has: (id) => list.some((kept) => kept.id === id),
    admit(id) {
      const dropped = shrinkTo(capacityBytes - bytesOf(id))
      list.unshift({ id, uses: 0 })
      return dropped
    },
    touch(id) {
      for (const kept of list) if (kept.id === id) kept.uses = 1
    },
    remove(id) {
      if (hand?.id === id) hand = towardsHead(hand)
      list = list.filter((kept) => kept.id !== id)
    },
    shrinkTo,
  }
}

function s3FifoModel(): Model {
  const smallBytes = 100
  const ghostBytes = 900
  let small: Kept[] = []
  let main: Kept[] = []
  let ghosts: Kept[] = []
  let hasEvicted = false
  const evictFromSmall = () => {
    while (small.length > 0) {
      const oldest = small.pop()!
      if (oldest.uses < 2) {
        ghosts.unshift(oldest)
        while (sum(ghosts) > ghostBytes) ghosts.pop()
        return oldest.id
      }
      main.unshift({ id: oldest.id, uses: 0 })
    }
    return undefined
  }
  const evictFromMain = () => {
    for (;;) {
      const oldest = main.pop()!
      if (oldest.uses === 0) return oldest.id
      main.unshift({ id: oldest.id, uses: oldest.uses - 1 })
    }
  }
  const shrinkTo = (bytes: number) => {
    const dropped: number[] = []
    while (sum(small) + sum(main) > bytes) {
      hasEvicted = true
      const fromSmall = sum(main) > capacityBytes - smallBytes ? undefined : evictFromSmall()
      dropped.push(fromSmall ?? evictFromMain())
    }
    return dropped
  }
  return {
    has: (id) => [...small, ...main].some((kept) => kept.id === id),
    admit(id) {
      const wasGhost = ghosts.some((ghost) => ghost.id === id)
      ghosts = ghosts.filter((ghost) => ghost.id !== id)
      const dropped = shrinkTo(capacityBytes - bytesOf(id))
      const spills = !hasEvicted && sum(small) >= smallBytes
      if (wasGhost || spills) main.unshift({ id, uses: 0 })
      else small.unshift({ id, uses: 0 })
      return dropped
    },
    touch(id) {
      for (const kept of [...small, ...main]) if (kept.id === id) kept.uses = Math.min(3, kept.uses + 1)
    },
    remove(id) {
      small = small.filter((kept) => kept.id !== id)
      main = main.filter((kept) => kept.id !== id)
    },
    shrinkTo,
  }
}

/** A property that fails says for which input, and with which seed to run it again. */
function holds<T>(t: Test, property: fc.IProperty<T>, numRuns: number): void {
  const outcome = fc.check(property, { numRuns })
  t.notOk(outcome.failed, fc.defaultReportMessage(outcome) ?? `holds for ${numRuns} random inputs`)
}

const models: Record<EvictionName, () => Model> = { lru: lruModel, sieve: sieveModel, 's3-fifo': s3FifoModel }

function runModel(model: Model, taken: Step): readonly number[] {
  if (taken.kind === 'shrink') return model.shrinkTo(taken.bytes)
  if (taken.kind === 'remove') model.remove(taken.id)
  else if (!model.has(taken.id)) return model.admit(taken.id)
  else model.touch(taken.id)
  return []
}

for (const name of evictionNames) {
  t.test(`${name} drops what its description says, in that order`, async (t) => {
    holds(
      t,
      fc.property(fc.array(step, { maxLength: 400, size: 'max' }), (steps) => {
        const policy = createEviction(name, capacityBytes)
        const model = models[name]()
        for (const taken of steps) {
          const dropped = run(policy, taken)
          const expected = runModel(model, taken)
          if (dropped.join() !== expected.join()) throw new Error(`dropped ${dropped}, expected ${expected}`)
        }
      }),
      300,
    )
  })

  t.test(`${name} is never over its capacity, and what it dropped is gone`, async (t) => {
    holds(
      t,
      fc.property(fc.array(step, { maxLength: 400, size: 'max' }), (steps) => {
        const policy = createEviction(name, capacityBytes)
        const present = new Set<number>()
        for (const taken of steps) {
          const dropped = run(policy, taken)
          if (taken.kind === 'request') present.add(taken.id)
          if (taken.kind === 'remove') present.delete(taken.id)
          for (const id of dropped)
            if (!present.delete(id)) throw new Error(`dropped ${id}, which was not there`)
          const bytes = [...present].reduce((total, id) => total + bytesOf(id), 0)
          if (policy.usedBytes !== bytes || bytes > capacityBytes)
            throw new Error(`${policy.usedBytes} of ${bytes}`)
          if (policy.size !== present.size) throw new Error(`${policy.size} of ${present.size} entries`)
          for (const id of present) if (!policy.has(id)) throw new Error(`${id} is missing`)
        }
      }),
      200,
    )
  })

  t.test(`${name} drops an object larger than the cache and nothing for its sake`, async (t) => {
    const policy = createEviction(name, capacityBytes)
    policy.admit(1, 900)
    t.strictSame(policy.admit(2, 1001), [2])
    t.ok(policy.has(1))
    t.notOk(policy.has(2))
  })

  t.test(`${name} drops at most as many as it is allowed at once`, async (t) => {
    const policy = createEviction(name, capacityBytes)
    for (let id = 0; id < 100; id += 1) policy.admit(id, 10)
    t.equal(policy.shrinkTo(0, 7).length, 7)
    t.equal(policy.size, 93)
    t.equal(policy.shrinkTo(0).length, 93)
    t.strictSame(policy.shrinkTo(0), [])
  })
}

/** How many of 50 hot keys, used all along, a scan of 10,000 others leaves in a cache for 100. */
function hotKeysLeft(name: EvictionName): number {
  const policy = createEviction(name, 100)
  const request = (id: number) => {
    if (policy.has(id)) policy.touch(id)
    else policy.admit(id, 1)
  }
  for (let round = 0; round < 5; round += 1) for (let id = 0; id < 50; id += 1) request(id)
  for (let id = 1000; id < 11_000; id += 1) request(id)
  return Array.from({ length: 50 }, (_, id) => policy.has(id)).filter(Boolean).length
}

t.test('a scan flushes the hot keys from an LRU, but not from S3-FIFO', async (t) => {
  t.equal(hotKeysLeft('lru'), 0)
  t.equal(hotKeysLeft('s3-fifo'), 50)
})

t.test(
  'S3-FIFO takes a key that probation dropped lately to its main queue, by its fingerprint',
  async (t) => {
    const policy = createEviction('s3-fifo', 100)
    for (let id = 0; id < 100; id += 1) policy.admit(id, 1, id + 5000)
    const [dropped] = policy.admit(100, 1, 7777)
    // The slot of the dropped key goes to another key, and the dropped one comes back under another slot.
    policy.admit(200, 1, dropped! + 5000)
    for (let id = 1000; id < 1300; id += 1) policy.admit(id, 1)
    t.ok(policy.has(200))
  },
)
