import t from 'tap'
import type { StateLine } from '../history/events.ts'
import { lengthMs, stripsOf } from './spans.ts'

const state = (subject: string, state: string, atMs: number): StateLine => ({
  type: 'state',
  part: 'router',
  subject,
  state,
  because: `because ${state}`,
  atMs,
})

t.test(
  'states become spans without gaps; the same state told twice is one span; the last one is open',
  async (t) => {
    const [strip, other, ...none] = stripsOf([
      state('s3', 'up', 0),
      state('cache1', 'up', 0),
      state('s3', 'down', 1500),
      state('s3', 'down', 1700),
      state('s3', 'up', 9000),
    ])
    t.same(none, [])
    t.equal(other?.subject, 'cache1')
    t.same(
      strip?.spans.map(({ state, startMs, endMs }) => [state, startMs, endMs]),
      [
        ['up', 0, 1500],
        ['down', 1500, 9000],
        ['up', 9000, null],
      ],
    )
    t.equal(lengthMs(strip!.spans[2]!, 10_000), 1000)
  },
)
