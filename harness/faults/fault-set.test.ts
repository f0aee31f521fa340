import t from 'tap'
import type { FaultLine, HistoryLine } from '../history/events.ts'
import { UndoStack } from '../run/undo.ts'
import { type Fault, makeFault } from './fault.ts'
import { FaultSet } from './fault-set.ts'

/** A clock that only applying and healing moves on, by 40 ms each. */
function world() {
  let nowMs = 0
  const lines: HistoryLine[] = []
  const takesTime = async () => {
    nowMs += 40
  }
  const fault = (name: string): Fault =>
    makeFault({
      name,
      target: 'cache',
      evidence: 'seen',
      apply: takesTime,
      undo: () => takesTime().then(() => 1),
    })
  const faults = new FaultSet(
    new UndoStack(),
    (line) => lines.push(line),
    () => nowMs,
  )
  const told = () => (lines as FaultLine[]).map(({ name, edge, atMs }) => [name, edge, atMs])
  return { fault, faults, told }
}

t.test('a fault is told from when it may be noticed, its healing when it is over', async (t) => {
  const { fault, faults, told } = world()
  await faults.change([fault('killed')])
  await faults.change([])
  t.same(told(), [
    ['killed', 'applied', 0],
    ['killed', 'healed', 80],
  ])
})

t.test('what the next set names too stays, and new ones come before old ones go', async (t) => {
  const { fault, faults, told } = world()
  const [first, second, third] = [fault('first'), fault('second'), fault('third')]
  await faults.change([first, second])
  await faults.change([second, third])
  t.same(told(), [
    ['first', 'applied', 0],
    ['second', 'applied', 40],
    ['third', 'applied', 80],
    ['first', 'healed', 160],
  ])
})

t.test('who undoes the run waits for a healing that is under way already', async (t) => {
  const undo = new UndoStack()
  const healed = Promise.withResolvers<void>()
  const lines: HistoryLine[] = []
  const faults = new FaultSet(
    undo,
    (line) => lines.push(line),
    () => 0,
  )
  const slow = makeFault({
    ...{ name: 'killed', target: 'cache', evidence: 'seen' },
    apply: async () => {},
    undo: () => healed.promise.then(() => 1),
  })
  await faults.change([slow])
  const done: string[] = []
  const all = [faults.change([]).then(() => done.push('changed')), undo.run().then(() => done.push('undone'))]
  await new Promise((resolve) => setImmediate(resolve))
  t.strictSame(done, [])
  healed.resolve()
  await Promise.all(all)
  t.equal(lines.filter((line) => line.type === 'fault' && line.edge === 'healed').length, 1, 'told once')
})

t.test('what could not be healed is healed on the way out', async (t) => {
  const undo = new UndoStack()
  const lines: HistoryLine[] = []
  const faults = new FaultSet(
    undo,
    (line) => lines.push(line),
    () => 0,
  )
  let tries = 0
  const stubborn = makeFault({
    ...{ name: 'silent', target: 'cache-s3', evidence: 'seen' },
    apply: async () => {},
    undo: async () => {
      tries++
      if (tries === 1) throw new Error('no answer just now')
      return 1
    },
  })
  await faults.change([stubborn])
  await t.rejects(faults.change([]), /just now/)
  t.strictSame(await undo.run(), [], 'undone')
  t.equal(tries, 2)
  t.equal(lines.filter((line) => line.type === 'fault' && line.edge === 'healed').length, 1, 'told')
})
