import t from 'tap'
import { fakeModel } from '../testing.ts'
import { ledgerTable } from './ledger.ts'

async function ledgerWith(duplicateFills: number, duplicatesPastCache: number): Promise<string> {
  const model = await fakeModel({ reads: 5 })
  const bandwidth = { ...model.results.bandwidth, duplicateFills, duplicatesPastCache }
  return ledgerTable({ ...model, results: { ...model.results, bandwidth } }).toString()
}

t.test('reads past a dead cache are told, and are no failure to share a fetch', async (t) => {
  const text = await ledgerWith(40, 40)
  t.match(text, '40 reads moved an object again because they went to S3 past the caches')
  t.notMatch(text, /duplicate/)
})

t.test('what was fetched twice otherwise stands beside what went past the caches', async (t) => {
  const text = await ledgerWith(41, 40)
  t.match(text, '<b>1 duplicate fetch</b>')
  t.match(text, '40 reads')
})

t.test('without any, that is said', async (t) => {
  t.match(await ledgerWith(0, 0), 'No object was fetched from S3 twice')
})
