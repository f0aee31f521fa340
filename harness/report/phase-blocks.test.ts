import t from 'tap'
import { PhaseBlocks } from './phase-blocks.ts'
import { fakeHistory } from './testing.ts'

const reads = (bins: Uint32Array) => bins.reduce((sum, count) => sum + count, 0)

function blocksOf(run: Parameters<typeof fakeHistory>[0]): PhaseBlocks {
  const blocks = new PhaseBlocks()
  blocks.keepTimes('known', 'responseMs')
  for (const line of fakeHistory(run)) if (line.type === 'window') blocks.add(line)
  return blocks
}

t.test('a block for each second while they are few', async (t) => {
  const blocks = blocksOf({ reads: 5 })
  const steady = blocks.times('steady', 'known', 'responseMs')
  t.equal(steady.length, 12)
  t.ok(steady.every((bins) => reads(bins) === 5))
  t.strictSame(blocks.times('no such phase', 'known', 'responseMs'), [])
  t.strictSame(blocks.times('steady', 'known', 'ttfbMs'), [], 'nobody asked for these')
})

t.test('how many ended ok, of each population', async (t) => {
  const blocks = blocksOf({ reads: 5, lost: 2 })
  t.strictSame(blocks.counts('outage-503', 'known')[0], { ok: 3, scheduled: 5 })
  t.strictSame(blocks.counts('outage-503', 'upload')[0], { ok: 0, scheduled: 2 })
})

t.test('a long phase keeps at most sixty, and loses no read', async (t) => {
  const blocks = blocksOf({ reads: 5, stretch: 10 })
  const steady = blocks.times('steady', 'known', 'responseMs')
  t.equal(steady.length, 60)
  t.equal(
    steady.reduce((sum, bins) => sum + reads(bins), 0),
    120 * 5,
  )
  const counts = blocks.counts('steady', 'known')
  t.equal(
    counts.reduce((sum, { scheduled }) => sum + scheduled, 0),
    120 * 5,
  )
})
