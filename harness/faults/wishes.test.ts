import fc from 'fast-check'
import t from 'tap'
import { Wishes, wishesAbout } from './wishes.ts'

t.test('the latest wish that stands holds, in whatever order they are withdrawn', async (t) => {
  const order = fc.shuffledSubarray([0, 1, 2, 3], { minLength: 4 })
  await fc.assert(
    fc.asyncProperty(order, async (withdrawn) => {
      let now: number | null = null
      const wishes = new Wishes<number>(async (wish) => {
        now = wish
      })
      const tokens = [0, 1, 2, 3].map(() => Symbol())
      for (const [i, token] of tokens.entries()) await wishes.add(token, i)
      const standing = new Set([0, 1, 2, 3])
      for (const i of withdrawn) {
        await wishes.withdraw(tokens[i]!)
        standing.delete(i)
        const latest = standing.size === 0 ? null : Math.max(...standing)
        if (now !== latest) return false
      }
      return true
    }),
  )
  t.pass()
})

t.test('a wish that could not be withdrawn stands, and can be withdrawn again', async (t) => {
  let now: string | null = 'usual'
  let isReachable = true
  const wishes = new Wishes<string>(async (wish) => {
    if (!isReachable) throw new Error('no answer just now')
    now = wish
  })
  const token = Symbol()
  await wishes.add(token, 'other')
  isReachable = false
  await t.rejects(wishes.withdraw(token), /just now/)
  t.equal(wishes.standing, true)
  isReachable = true
  await wishes.withdraw(token)
  t.equal(now, null)
})

t.test('withdrawing what was never wished sets nothing', async (t) => {
  let sets = 0
  const wishes = new Wishes(async () => {
    sets += 1
  })
  await wishes.withdraw(Symbol())
  t.equal(sets, 0)
})

t.test('all who ask about one setting of one owner share its wishes', async (t) => {
  const owner = {}
  const set = async () => {}
  t.equal(wishesAbout(owner, 'a', set), wishesAbout(owner, 'a', set))
  t.not(wishesAbout(owner, 'a', set), wishesAbout(owner, 'b', set))
  t.not(wishesAbout(owner, 'a', set), wishesAbout({}, 'a', set))
})
