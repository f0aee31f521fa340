import t from 'tap'
import { PhaseBlocks } from './phase-blocks.ts'
import { fakeHistory } from './testing.ts'

const reads = (bins: Uint32Array) => bins.reduce((sum, count) => sum + count, 0)

t.test('a block for each second while they are few', async (t) => {
  const blocks = new PhaseBlocks()
  for (const line of fakeHistory({ reads: 5 })) if (line.type === 'window') blocks.add(line)
  t.equal(blocks.of('steady').length, 12)
  t.ok(blocks.of('steady').every((bins) => reads(bins) === 5))
  t.strictSame(blocks.of('no such phase'), [])
})

t.test('a long phase keeps at most sixty, and loses no read', async (t) => {
  const blocks = new PhaseBlocks()
  for (const line of fakeHistory({ reads: 5, stretch: 10 })) if (line.type === 'window') blocks.add(line)
  const steady = blocks.of('steady')
  t.equal(steady.length, 60)
  t.equal(
    steady.reduce((sum, bins) => sum + reads(bins), 0),
    120 * 5,
  )
})
