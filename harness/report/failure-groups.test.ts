import t from 'tap'
import type { FailureLine } from '../history/events.ts'
import { FailureGroups } from './failure-groups.ts'

const failure = (over: Partial<FailureLine>): FailureLine => ({
  type: 'failure',
  phase: 'outage',
  population: 'known',
  atMs: 0,
  key: 'a.map',
  outcome: 'timeout',
  responseMs: 1000,
  detail: 'no first byte within 1 s',
  requestId: 'r-1',
  ...over,
})

t.test('failures group by what, how and when; those left out of the history are counted', async (t) => {
  const groups = new FailureGroups()
  groups.add(failure({ atMs: 5000, suppressed: 7 }))
  groups.add(failure({ atMs: 2000, responseMs: 1500, requestId: 'r-2' }))
  groups.add(failure({ outcome: 'corrupt', phase: 'recovery' }))
  const [first, second] = groups.list()
  t.match(first, {
    outcome: 'timeout',
    count: 9,
    firstMs: 2000,
    lastMs: 5000,
    slowestMs: 1500,
    example: { requestId: 'r-1' },
  })
  t.match(second, { outcome: 'corrupt', count: 1, phase: 'recovery' })
})

t.test('failed known reads come before anything else, however rare', async (t) => {
  const groups = new FailureGroups()
  groups.add(failure({ population: 'upload', suppressed: 999 }))
  groups.add(failure({}))
  t.same(
    groups.list().map((group) => group.population),
    ['known', 'upload'],
  )
})

t.test('a huge error text is cut', async (t) => {
  const groups = new FailureGroups()
  groups.add(failure({ detail: 'x'.repeat(100_000) }))
  t.equal(groups.list()[0]?.example.detail.length, 500)
})
