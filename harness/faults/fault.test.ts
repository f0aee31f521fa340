import t from 'tap'
import { type FaultActs, makeFault } from './fault.ts'

function recorded(changes: Partial<FaultActs> = {}) {
  const steps: string[] = []
  const act = (step: string) => async () => {
    steps.push(step)
  }
  const fault = makeFault({
    name: 'it',
    target: 'there',
    evidence: 'seen',
    apply: act('apply'),
    undo: async () => {
      steps.push('undo')
      return 3
    },
    ...changes,
  })
  return { fault, steps }
}

t.test('healing undoes and tells what was touched', async (t) => {
  const { fault, steps } = recorded()
  await fault.apply()
  t.same(await fault.heal(), { count: 3, evidence: 'seen' })
  t.same(steps, ['apply', 'undo'])
})

t.test('healing what was never applied does nothing', async (t) => {
  const { fault, steps } = recorded()
  t.same(await fault.heal(), { count: 0, evidence: 'seen' })
  t.same(steps, [])
})

t.test('healing twice undoes once and tells the same', async (t) => {
  const { fault, steps } = recorded()
  await fault.apply()
  t.same(await Promise.all([fault.heal(), fault.heal()]), Array(2).fill({ count: 3, evidence: 'seen' }))
  t.equal((await fault.heal()).count, 3)
  t.same(steps, ['apply', 'undo'])
})

t.test('healing in the middle of applying waits for it and then undoes it', async (t) => {
  const gate = Promise.withResolvers<void>()
  const { fault, steps } = recorded({ apply: () => gate.promise.then(() => void steps.push('apply')) })
  const applied = fault.apply()
  const healed = fault.heal()
  gate.resolve()
  await Promise.all([applied, healed])
  t.same(steps, ['apply', 'undo'])
})

t.test('half an apply is undone and claims nothing', async (t) => {
  const { fault, steps } = recorded({ apply: () => Promise.reject(new Error('half way')) })
  await t.rejects(fault.apply(), /half way/)
  t.same(await fault.heal(), { count: 0, evidence: 'seen' })
  t.same(steps, ['undo'])
})

t.test('an undo that leaves something behind says so', async (t) => {
  const { fault } = recorded({ undo: () => Promise.reject(new Error('still there')) })
  await fault.apply()
  await t.rejects(fault.heal(), /still there/)
})

t.test('an undo that failed is tried again by who heals next, and then no more', async (t) => {
  let undone = 0
  const { fault } = recorded({
    undo: async () => {
      undone++
      if (undone === 1) throw new Error('no answer just now')
      return 3
    },
  })
  await fault.apply()
  await t.rejects(fault.heal(), /just now/)
  t.equal((await fault.heal()).count, 3)
  t.equal((await fault.heal()).count, 3)
  t.equal(undone, 2)
})

t.test('a fault may be applied again', async (t) => {
  const { fault, steps } = recorded()
  for (let i = 0; i < 2; i++) {
    await fault.apply()
    await fault.heal()
  }
  t.same(steps, ['apply', 'undo', 'apply', 'undo'])
})
