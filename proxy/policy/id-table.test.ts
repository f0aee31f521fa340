import fc from 'fast-check'
import t, { type Test } from 'tap'
import { IdTable } from './id-table.ts'

t.test('a table finds what was inserted and not deleted, also where hashes collide', async (t) => {
  const change = fc.record({
    isInsert: fc.boolean(),
    hash: fc.oneof(fc.nat(5), fc.nat(0xffffffff)),
    id: fc.nat(300),
  })
  holds(
    t,
    fc.property(fc.array(change, { maxLength: 500, size: 'max' }), (changes) => {
      const table = new IdTable()
      const expected = new Map<number, number>()
      for (const { isInsert, hash, id } of changes) {
        const known = expected.get(id)
        if (isInsert && known === undefined) {
          table.insert(hash, id)
          expected.set(id, hash)
        } else if (!isInsert) {
          const isDeleted = table.delete(known ?? hash, id)
          if (isDeleted !== (known !== undefined)) throw new Error(`deleting ${id} said ${isDeleted}`)
          expected.delete(id)
        }
      }
      for (let id = 0; id <= 300; id += 1) {
        const hash = expected.get(id)
        const found = table.find(hash ?? 1, (candidate) => candidate === id)
        if (found !== (hash === undefined ? -1 : id)) throw new Error(`found ${found} for ${id}`)
      }
    }),
    300,
  )
})

t.test('a hundred thousand ids are told apart by their hashes alone', async (t) => {
  const table = new IdTable()
  for (let id = 0; id < 100_000; id += 1) table.insert(id, id)
  let wrong = 0
  for (let id = 0; id < 100_000; id += 1) if (table.find(id, () => true) !== id) wrong += 1
  t.equal(wrong, 0)
  t.equal(
    table.find(100_000, () => true),
    -1,
  )
})

/** A property that fails says for which input, and with which seed to run it again. */
function holds<T>(t: Test, property: fc.IProperty<T>, numRuns: number): void {
  const outcome = fc.check(property, { numRuns })
  t.notOk(outcome.failed, fc.defaultReportMessage(outcome) ?? `holds for ${numRuns} random inputs`)
}
