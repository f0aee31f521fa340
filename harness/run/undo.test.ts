import t from 'tap'
import { UndoStack } from './undo.ts'

t.test('undoes last first, and goes on past a step that fails', async (t) => {
  const undo = new UndoStack()
  const done: string[] = []
  undo.add('close a', async () => done.push('a'))
  undo.add('close b', async () => {
    throw new Error('b is stuck')
  })
  undo.add('close c', async () => done.push('c'))
  t.strictSame(await undo.run(), ['could not close b: b is stuck'])
  t.strictSame(done, ['c', 'a'])
})

t.test('undoes each step once, however often it is asked', async (t) => {
  const undo = new UndoStack()
  let times = 0
  undo.add('count', async () => times++)
  await Promise.all([undo.run(), undo.run()])
  await undo.run()
  t.equal(times, 1)
})

t.test('says what is still to do; what comes too late is undone at once and does not begin', async (t) => {
  const undo = new UndoStack()
  const done: string[] = []
  undo.add('close a', async () => done.push('a'))
  undo.add('close b', async () => t.strictSame(undo.pending, ['close b', 'close a']))
  t.strictSame(undo.pending, ['close b', 'close a'])
  await undo.run()
  t.strictSame(undo.pending, [])
  t.throws(() => undo.add('close c', async () => done.push('c')), /too late to begin .*close c/)
  t.strictSame(done, ['a', 'c'])
})
