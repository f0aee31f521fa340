// Toxics and their chain on virtual time, where every delay is exact.
import fc from 'fast-check'
import t from 'tap'
import type { Toxic } from './toxics/toxic.ts'
import { type Arrival, toxic, type VirtualLink, virtualLink } from './virtual-link.ts'

const near = (actual: number, expected: number) => Math.abs(actual - expected) < 1e-6

/** When and how much, or when and how it ended. */
const trace = (arrivals: readonly Arrival[]) =>
  arrivals.map((arrival) => [
    Math.round(arrival.atMs * 1000) / 1000,
    'bytes' in arrival ? arrival.bytes.length : arrival.ended,
  ])

const received = ({ arrivals }: VirtualLink) =>
  Buffer.concat(arrivals.map((arrival) => ('bytes' in arrival ? arrival.bytes : Buffer.alloc(0))))

interface Case {
  readonly name: string
  readonly toxics: readonly Toxic[]
  /** Drives the link; the trace is taken at the end. */
  readonly drive: (link: VirtualLink, toxics: readonly Toxic[]) => void
  readonly trace: readonly (readonly [number, number | string])[]
}

const bytes = (length: number) => Buffer.alloc(length, 7)

const cases: readonly Case[] = [
  {
    name: 'latency shifts chunks in time, side by side, and not the close of an idle stream',
    toxics: [toxic('latency', { latency: 50, jitter: 0 })],
    drive(link) {
      link.send(bytes(10))
      link.pass(20)
      link.send(bytes(20))
      link.pass(100)
      link.end()
    },
    trace: [
      [50, 10],
      [70, 20],
      [120, 'close'],
    ],
  },
  {
    name: 'a close does not overtake the data before it',
    toxics: [toxic('latency', { latency: 50, jitter: 0 })],
    drive(link) {
      link.send(bytes(10))
      link.end()
      link.pass(100)
    },
    trace: [
      [50, 10],
      [50, 'close'],
    ],
  },
  {
    name: 'two latencies add up for every chunk',
    toxics: [
      toxic('latency', { latency: 50, jitter: 0 }),
      toxic('latency', { latency: 30, jitter: 0 }, { name: 'b' }),
    ],
    drive(link) {
      link.send(bytes(1))
      link.pass(5)
      link.send(bytes(2))
      link.pass(100)
    },
    trace: [
      [80, 1],
      [85, 2],
    ],
  },
  {
    name: 'jitter beyond the latency delays nothing on its short side',
    toxics: [toxic('latency', { latency: -100, jitter: 10 })],
    drive: (link) => link.send(bytes(1)),
    trace: [[0, 1]],
  },
  {
    name: 'a changed latency sends the chunk it held and holds the others anew from when they came',
    toxics: [toxic('latency', { latency: 1000, jitter: 0 })],
    drive(link, [latency]) {
      for (let at = 0; at < 3; at++) link.send(bytes(at + 1))
      link.pass(100)
      link.update(latency!, { attributes: { latency: 150, jitter: 0 } })
      link.pass(100)
    },
    trace: [
      [100, 1],
      [150, 2],
      [150, 3],
    ],
  },
  {
    name: 'bandwidth holds a chunk for as long as it takes and then sends it whole',
    toxics: [toxic('bandwidth', { rate: 100 })],
    drive(link) {
      link.send(bytes(1000))
      link.send(bytes(2000))
      link.pass(100)
    },
    trace: [
      [10, 1000],
      [30, 2000],
    ],
  },
  {
    name: 'bandwidth cuts what takes longer than 100 ms',
    toxics: [toxic('bandwidth', { rate: 10 })],
    drive(link) {
      link.send(bytes(2500))
      link.pass(1000)
    },
    trace: [
      [100, 1000],
      [200, 1000],
      [250, 500],
    ],
  },
  {
    name: 'bandwidth saves nothing up while the line is idle',
    toxics: [toxic('bandwidth', { rate: 100 })],
    drive(link) {
      link.send(bytes(1000))
      link.pass(500)
      link.send(bytes(1000))
      link.pass(500)
    },
    trace: [
      [10, 1000],
      [510, 1000],
    ],
  },
  {
    name: 'bandwidth 0 holds, and lets go when it is removed',
    toxics: [toxic('bandwidth', { rate: 0 })],
    drive(link, [bandwidth]) {
      link.send(bytes(10))
      link.send(bytes(20))
      link.pass(86_400_000)
      link.remove(bandwidth!)
    },
    trace: [
      [86_400_000, 10],
      [86_400_000, 20],
    ],
  },
  {
    name: 'a negative bandwidth, which kills a real Toxiproxy, stalls like 0',
    toxics: [toxic('bandwidth', { rate: -5 })],
    drive(link) {
      link.send(bytes(10))
      link.pass(1000)
    },
    trace: [],
  },
  {
    name: 'a latency behind a bandwidth counts from when the bandwidth lets go',
    toxics: [toxic('bandwidth', { rate: 100 }), toxic('latency', { latency: 50, jitter: 0 })],
    drive(link) {
      link.send(bytes(1000))
      link.send(bytes(1000))
      link.pass(200)
    },
    trace: [
      [60, 1000],
      [70, 1000],
    ],
  },
  {
    name: 'slow_close delays the close alone',
    toxics: [toxic('slow_close', { delay: 300 })],
    drive(link) {
      link.send(bytes(10))
      link.end()
      link.pass(1000)
    },
    trace: [
      [0, 10],
      [300, 'close'],
    ],
  },
  {
    name: 'slow_close removed closes at once',
    toxics: [toxic('slow_close', { delay: 300 })],
    drive(link, [slowClose]) {
      link.end()
      link.pass(100)
      link.remove(slowClose!)
    },
    trace: [[100, 'close']],
  },
  {
    name: 'timeout closes so long after the last chunk, all of which it drops',
    toxics: [toxic('timeout', { timeout: 200 })],
    drive(link) {
      for (let at = 0; at < 3; at++) {
        link.send(bytes(10))
        link.pass(150)
      }
      link.pass(1000)
    },
    trace: [[500, 'close']],
  },
  {
    name: "timeout closes on the sender's close",
    toxics: [toxic('timeout', { timeout: 0 })],
    drive: (link) => link.end(),
    trace: [[0, 'close']],
  },
  {
    name: 'timeout 0 waits for ever and closes when removed',
    toxics: [toxic('timeout', { timeout: 0 })],
    drive(link, [timeout]) {
      link.send(bytes(10))
      link.pass(86_400_000)
      link.remove(timeout!)
    },
    trace: [[86_400_000, 'close']],
  },
  {
    name: 'reset_peer resets after its timeout and drops everything, a second chunk does not prolong it',
    toxics: [toxic('reset_peer', { timeout: 100 })],
    drive(link) {
      link.send(bytes(10))
      link.pass(60)
      link.send(bytes(10))
      link.pass(1000)
    },
    trace: [[100, 'reset']],
  },
  {
    name: 'reset_peer acts on a close, too',
    toxics: [toxic('reset_peer', { timeout: 0 })],
    drive: (link) => link.end(),
    trace: [[0, 'reset']],
  },
  {
    name: 'limit_data closes with the last byte allowed',
    toxics: [toxic('limit_data', { bytes: 15 })],
    drive(link) {
      link.send(bytes(10))
      link.send(bytes(10))
      link.send(bytes(10))
    },
    trace: [
      [0, 10],
      [0, 5],
      [0, 'close'],
    ],
  },
  {
    name: 'limit_data 0 closes on the first chunk',
    toxics: [toxic('limit_data', { bytes: 0 })],
    drive: (link) => link.send(bytes(10)),
    trace: [[0, 'close']],
  },
  {
    name: 'a slicer without variation halves down to the average, with its delay after each slice',
    toxics: [toxic('slicer', { average_size: 250, size_variation: 0, delay: 10_000 })],
    drive(link) {
      link.send(bytes(1000))
      link.pass(1000)
    },
    trace: [
      [0, 250],
      [10, 250],
      [20, 250],
      [30, 250],
    ],
  },
  {
    name: 'a toxic with toxicity 0 does nothing until it is changed',
    toxics: [toxic('latency', { latency: 50, jitter: 0 }, { toxicity: 0 })],
    drive(link, [latency]) {
      link.send(bytes(1))
      link.update(latency!, { toxicity: 1 })
      link.send(bytes(2))
      link.pass(100)
    },
    trace: [
      [0, 1],
      [50, 2],
    ],
  },
]

for (const { name, toxics, drive, trace: expected } of cases) {
  t.test(name, async (t) => {
    const link = virtualLink(toxics)
    drive(link, toxics)
    t.same(trace(link.arrivals), expected)
  })
}

t.test('bandwidth is exact over a long time, at any rate and chunk size', async (t) => {
  for (const rate of [1, 10, 1000, 50_000]) {
    const link = virtualLink([toxic('bandwidth', { rate })])
    const total = rate * 10_000
    for (let sent = 0; sent < total; sent += 32_768) link.send(bytes(Math.min(32_768, total - sent)))
    link.pass(20_000)
    t.ok(near(link.arrivals.at(-1)!.atMs, 10_000), `${rate} KB/s`)
    t.equal(link.arrivedBytes, total)
  }
})

t.test('a sender waits while a bandwidth has enough to send', async (t) => {
  const link = virtualLink([toxic('bandwidth', { rate: 1000 })])
  for (let at = 0; at < 100; at++) link.send(bytes(32_768))
  link.pass(1000)
  t.ok(link.arrivedBytes <= 1_000_000)
  t.ok(link.arrivedBytes > 1_000_000 - 32_768)
})

t.test('one bandwidth of scope proxy is shared by its connections, fairly', async (t) => {
  const shared = toxic('bandwidth', { rate: 1000, scope: 'proxy' })
  const links = [1, 2, 3, 4].map((connection) => virtualLink([shared], 1, connection))
  for (const link of links) for (let at = 0; at < 100; at++) link.send(bytes(10_000))
  for (let at = 0; at < 1000; at++) for (const link of links) link.pass(1)
  const each = links.map((link) => link.arrivedBytes)
  const total = each.reduce((sum, more) => sum + more)
  t.ok(total > 950_000 && total <= 1_000_000, `${total} bytes in a second`)
  t.ok(Math.max(...each) - Math.min(...each) <= 30_000, String(each))
})

t.test("the receiver's pace reaches the sender through the chain", async (t) => {
  const link = virtualLink([toxic('slicer', { average_size: 100, size_variation: 0, delay: 0 })])
  link.block()
  for (let at = 0; at < 10; at++) link.send(bytes(100))
  link.pass(1000)
  t.equal(link.arrivedBytes, 100, 'one chunk filled the receiver')
  link.unblock()
  t.equal(link.arrivedBytes, 1000)
})

t.test('slices stay within the average and its variation', async (t) => {
  const link = virtualLink([toxic('slicer', { average_size: 1000, size_variation: 200, delay: 0 })])
  for (let at = 0; at < 50; at++) link.send(bytes(32_768))
  link.pass(1000)
  const sizes = link.arrivals.map((arrival) => ('bytes' in arrival ? arrival.bytes.length : 0))
  t.ok(Math.max(...sizes) <= 1200)
  t.ok(Math.min(...sizes) >= (1200 - 2 * 200) / 2)
})

t.test('a seed repeats every draw, another one does not', async (t) => {
  const run = (seed: number) => {
    const link = virtualLink([toxic('latency', { latency: 50, jitter: 40 })], seed)
    for (let at = 0; at < 50; at++) {
      link.send(bytes(1))
      link.pass(10)
    }
    link.pass(1000)
    return trace(link.arrivals)
  }
  t.same(run(7), run(7))
  t.notSame(run(7), run(8))
})

for (const [distribution, spread] of [
  [undefined, 1 / Math.sqrt(3)],
  ['uniform', 1 / Math.sqrt(3)],
  ['normal', 1],
  ['pareto', Math.sqrt(1 / 3)],
] as const) {
  t.test(`jitter is ${distribution ?? 'uniform when nothing is said'}, around the latency`, async (t) => {
    const jitter = 100
    const count = 20_000
    const delays = Array.from({ length: count }, (_, connection) => {
      const link = virtualLink([toxic('latency', { latency: 1000, jitter, distribution })], 1, connection)
      link.send(bytes(1))
      link.pass(1e6)
      return link.arrivals[0]!.atMs
    })
    const mean = delays.reduce((sum, delay) => sum + delay) / count
    const deviation = Math.sqrt(delays.reduce((sum, delay) => sum + (delay - mean) ** 2, 0) / count)
    t.ok(Math.abs(mean - 1000) < 4, `mean ${mean}`)
    t.ok(Math.abs(deviation - jitter * spread) < jitter * spread * 0.12, `deviation ${deviation}`)
  })
}

t.test('toxicity is the share of connections, by chi-square over 10,000 of them', async (t) => {
  for (const toxicity of [0.01, 0.2, 0.5, 0.9]) {
    const count = 10_000
    let hit = 0
    for (let connection = 0; connection < count; connection++) {
      const link = virtualLink([toxic('timeout', { timeout: 0 }, { toxicity })], 5, connection)
      link.send(bytes(1))
      if (link.arrivals.length === 0) hit += 1
    }
    const chiSquare = (hit - count * toxicity) ** 2 / (count * toxicity * (1 - toxicity))
    t.ok(chiSquare < 10.83, `toxicity ${toxicity}: ${hit} of ${count}, chi-square ${chiSquare} (p > 0.001)`)
  }
})

t.test('corrupt flips single bits, about as often as asked, wherever the chunks begin', async (t) => {
  const clean = Buffer.alloc(1_000_000)
  const run = (chunk: number) => {
    const link = virtualLink([toxic('corrupt', { every: 10_000 })])
    for (let at = 0; at < clean.length; at += chunk) link.send(clean.subarray(at, at + chunk))
    return received(link)
  }
  const flipped = [...run(1000)].filter((byte) => byte !== 0)
  t.ok(flipped.length > 60 && flipped.length < 140, `${flipped.length} flips`)
  t.ok(flipped.every((byte) => (byte & (byte - 1)) === 0))
  t.ok(run(1000).equals(run(32_768)))
  t.ok(
    clean.every((byte) => byte === 0),
    'what was sent is not written to',
  )
})

t.test('what a toxic touched is counted, and what it left alone is not', async (t) => {
  const idle = toxic('limit_data', { bytes: 1000 })
  const latency = toxic('latency', { latency: 5, jitter: 0 })
  const link = virtualLink([idle, latency])
  link.send(bytes(10))
  link.send(bytes(10))
  t.equal(link.hits(idle), 0)
  t.equal(link.hits(latency), 2)
  link.send(bytes(981))
  t.equal(link.hits(idle), 1, 'the chunk that went over the limit was cut')
})

/** Toxics that lose nothing, which come, change and go at random. */
const lossless = fc.oneof(
  fc.record({
    type: fc.constant('latency'),
    attributes: fc.record({ latency: fc.nat(50), jitter: fc.nat(50) }),
  }),
  fc.record({ type: fc.constant('bandwidth'), attributes: fc.record({ rate: fc.nat(100) }) }),
  fc.record({
    type: fc.constant('slicer'),
    attributes: fc.record({
      average_size: fc.integer({ min: 10, max: 500 }),
      size_variation: fc.nat(9),
      delay: fc.nat(5000),
    }),
  }),
  fc.record({ type: fc.constant('slow_close'), attributes: fc.record({ delay: fc.nat(50) }) }),
  fc.record({ type: fc.constant('noop'), attributes: fc.constant({}) }),
)

const step = fc.oneof(
  fc.record({ do: fc.constant('send' as const), length: fc.integer({ min: 1, max: 5000 }) }),
  fc.record({ do: fc.constant('pass' as const), ms: fc.nat(40) }),
  fc.record({ do: fc.constant('add' as const), what: lossless }),
  fc.record({ do: fc.constant('remove' as const), which: fc.nat(3) }),
  fc.record({ do: fc.constant('restart' as const), which: fc.nat(3) }),
  fc.record({ do: fc.constant('block' as const) }),
  fc.record({ do: fc.constant('unblock' as const) }),
)

t.test(
  'whatever toxics come, change and go, every byte arrives once and in order, then the close',
  async (t) => {
    const seed = Date.now() % 2 ** 31
    t.comment(`seed ${seed}`)
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const link = virtualLink()
        const toxics: Toxic[] = []
        let sent = 0
        for (const [index, one] of steps.entries()) {
          if (one.do === 'send') {
            link.send(Uint8Array.from({ length: one.length }, (_, at) => (sent + at) % 251))
            sent += one.length
          } else if (one.do === 'pass') link.pass(one.ms)
          else if (one.do === 'add') {
            toxics.push(toxic(one.what.type, one.what.attributes, { name: `${one.what.type} ${index}` }))
            link.add(toxics.at(-1)!)
          } else if (one.do === 'block') link.block()
          else if (one.do === 'unblock') link.unblock()
          else {
            const chosen = toxics[one.which]
            if (chosen !== undefined && one.do === 'restart') link.update(chosen, {})
            if (chosen !== undefined && one.do === 'remove') {
              link.remove(chosen)
              toxics.splice(one.which, 1)
            }
          }
        }
        link.unblock()
        for (const left of toxics) link.remove(left)
        link.pass(1)
        link.end()
        const got = received(link)
        return (
          got.length === sent &&
          got.every((byte, at) => byte === at % 251) &&
          'ended' in link.arrivals.at(-1)!
        )
      }),
      { seed, numRuns: 500 },
    )
  },
)
