import t from 'tap'
import type { HistoryLine } from '../history/events.ts'
import { HealingRecorder } from './after-healing.ts'

const healed = (atMs: number): HistoryLine => ({
  type: 'fault',
  name: 'x',
  target: 's3',
  edge: 'healed',
  atMs,
})
const get = (atMs: number, key: string, more = {}): HistoryLine => ({
  type: 'origin',
  atMs,
  method: 'GET',
  key,
  status: 200,
  bytes: 1,
  ...more,
})

function countsOf(lines: readonly HistoryLine[]) {
  const recorder = new HealingRecorder()
  for (const line of lines) recorder.add(line)
  const told = recorder.snapshot()
  if (told === null) return null
  const { firstFetches, fetchedAgain, others } = told
  return [firstFetches, fetchedAgain, others].map((counts) => counts.slice(0, 3))
}

t.test('one fetch an object is the bound; a second one lies on top of it', async (t) => {
  t.same(countsOf([healed(5200), get(5300, 'a'), get(5400, 'b'), get(6100, 'a'), get(7999, 'c')]), [
    [2, 0, 1],
    [0, 1, 0],
    [0, 0, 0],
  ])
})

t.test('parts, uploads and what S3 refused are no fetches', async (t) => {
  const lines = [
    healed(5200),
    get(5300, 'a', { range: '0-9' }),
    get(5300, 'a', { method: 'PUT' }),
    get(5400, 'a', { status: 503 }),
    get(5500, 'a', { status: 304 }),
  ]
  t.same(countsOf(lines), [
    [1, 0, 0],
    [0, 0, 0],
    [3, 0, 0],
  ])
})

t.test('what came before the last healing counts for nothing, whenever it is told', async (t) => {
  t.same(countsOf([healed(1000), get(1100, 'a'), healed(5200), get(5100, 'a'), get(5300, 'a')]), [
    [1, 0, 0],
    [0, 0, 0],
    [0, 0, 0],
  ])
  t.equal(countsOf([get(1100, 'a')]), null)
})
