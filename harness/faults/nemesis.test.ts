import t from 'tap'
import type { Fault } from './fault.ts'
import { changesOf, type Faults, playSchedule, wantedAt } from './nemesis.ts'

const fault = (name: string): Fault => ({
  name,
  target: 'x',
  apply: async () => {},
  heal: async () => ({ count: 1, evidence: '' }),
})
const [a, b, c] = ['a', 'b', 'c'].map(fault) as [Fault, Fault, Fault]
const schedule = [
  { fault: a, startMs: 100, endMs: 300 },
  { fault: b, startMs: 200, endMs: 400 },
  { fault: c, startMs: 400, endMs: 450 },
]

t.test('what is wanted when is arithmetic', async (t) => {
  const names = (atMs: number) => wantedAt(schedule, atMs).map(({ name }) => name)
  t.same(changesOf(schedule), [100, 200, 300, 400, 450])
  t.same([0, 100, 250, 300, 400, 450].map(names), [[], ['a'], ['a', 'b'], ['b'], ['c'], []])
})

/** A clock that jumps to where it is told, and the changes made, by its time. */
function world(onChange: (nowMs: number) => void = () => {}) {
  let nowMs = 5000
  const log: [number, string][] = []
  const faults: Faults = {
    async change(wanted) {
      log.push([nowMs - 5000, wanted.map(({ name }) => name).join()])
      onChange(nowMs - 5000)
    },
  }
  const clock = {
    nowMs: () => nowMs,
    sleepUntil: async (atMs: number) => {
      nowMs = Math.max(nowMs, atMs)
    },
    advance: (ms: number) => {
      nowMs += ms
    },
  }
  return { faults, clock, log }
}

t.test('a schedule is played to its end, and healing is last', async (t) => {
  const { faults, clock, log } = world()
  await playSchedule(schedule, faults, clock)
  t.same(log, [
    [100, 'a'],
    [200, 'a,b'],
    [300, 'b'],
    [400, 'c'],
    [450, ''],
    [450, ''],
  ])
})

t.test(
  'changes that fell due while a fault was applied are made at once, those that are over left out',
  async (t) => {
    const w = world((atMs) => atMs === 100 && w.clock.advance(310))
    await playSchedule(schedule, w.faults, w.clock)
    t.same(w.log[1], [410, 'c'], 'a and b are over')
    t.same(w.log.at(-1)![1], '')
  },
)

t.test('a run that is stopped, or a fault that can’t be applied, still ends healed', async (t) => {
  const stopped = world()
  const sleepUntil = () => Promise.reject(new Error('Ctrl-C'))
  await t.rejects(playSchedule(schedule, stopped.faults, { ...stopped.clock, sleepUntil }), /Ctrl-C/)
  t.same(stopped.log, [[0, '']])
  const failing = world((atMs) => {
    if (atMs === 200) throw new Error('cannot')
  })
  await t.rejects(playSchedule(schedule, failing.faults, failing.clock), /cannot/)
  t.equal(failing.log.at(-1)![1], '')
})
