import fc from 'fast-check'
import t from 'tap'
import { canonicalPath } from './key.ts'
import { keysInDelete, spellings } from './touched.ts'

const escaped = (text: string) =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')

t.test('every key that can be written into a delete is found again as the key of its GET', async (t) => {
  const seed = Date.now() & 0x7fffffff
  t.comment(`seed ${seed}`)
  const printable = fc.string({ unit: 'binary', minLength: 1 }).filter((key) => !/[\p{Cc}\p{Cs}]/u.test(key))
  fc.assert(
    fc.property(fc.array(printable, { minLength: 1, maxLength: 20 }), (keys) => {
      const xml = `<Delete>${keys.map((key) => `<Object><Key>${escaped(key)}</Key></Object>`).join('')}</Delete>`
      const found = keysInDelete(new TextEncoder().encode(xml), false)
      const asRead = keys.map((key) =>
        canonicalPath(Buffer.from(key).toString('latin1').replaceAll('%', '%25').replaceAll('+', '%2B')),
      )
      t.strictSame(found, asRead)
    }),
    { seed, numRuns: 200 },
  )
})

t.test('what is no delete document names nothing', async (t) => {
  for (const text of ['', '<Key>', '<Delete/>', 'nonsense', '\u0000']) {
    t.strictSame(keysInDelete(new TextEncoder().encode(text), false), [])
    t.strictSame(keysInDelete(new TextEncoder().encode(text), true), [])
  }
})

t.test('a key with a plus or a space is forgotten in every spelling', async (t) => {
  t.strictSame(spellings('b/plain'), ['b/plain'])
  for (const spelled of ['b/a+c', 'b/a%2Bc', 'b/a%20c']) {
    const all = spellings(spelled)
    t.ok(all.includes('b/a+c') && all.includes(spelled))
  }
  t.ok(spellings('b/a%2Bb%20c').includes('b/a+b%20c'))
})
