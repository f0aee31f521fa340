import t from 'tap'
import { abandoned, type FillOptions, lock, withinWindow } from './cache-lock.ts'

const options: FillOptions = {
  resumes: 3,
  finishBytes: 100,
  finishRatio: 0.5,
  prefixKeepMs: 1,
  rangeWindowBytes: 10,
  hitForMissMs: 1,
  verifyDigest: true,
}

t.test(
  'join what is under way, else fill, unless the object is known not to be worth waiting for',
  async (t) => {
    const mark = { untilMs: 10, because: 'no-store' }
    t.strictSame(lock(true, mark, 0), { kind: 'join' })
    t.strictSame(lock(false, undefined, 0), { kind: 'fill' })
    t.strictSame(lock(false, mark, 9), { kind: 'alone', because: 'no-store' })
    t.strictSame(lock(false, mark, 10), { kind: 'fill' }, 'the mark has a time limit')
  },
)

t.test('what all clients have left is finished when little is missing or much is there', async (t) => {
  t.equal(abandoned(900, 1000, options), 'finish')
  t.equal(abandoned(5000, 10_000, options), 'finish')
  t.equal(abandoned(4999, 10_000, options), 'keep-prefix')
  t.equal(abandoned(0, null, options), 'finish', 'a body of unknown length can’t be continued by range')
})

t.test('a range is waited for within the window', async (t) => {
  t.ok(withinWindow(15, 5, options))
  t.notOk(withinWindow(16, 5, options))
})
