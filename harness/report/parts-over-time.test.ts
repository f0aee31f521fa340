import t from 'tap'
import type { HistoryLine } from '../history/events.ts'
import { type PartsOverTime, PartsRecorder } from './parts-over-time.ts'

function recorded(lines: readonly HistoryLine[]): PartsOverTime {
  const recorder = new PartsRecorder()
  for (const line of lines) recorder.add(line)
  return recorder.snapshot()
}

const link = (atMs: number, downstreamBytes: number): HistoryLine => ({
  type: 'link',
  link: 'cache-s3',
  atMs,
  upstreamBytes: 0,
  downstreamBytes,
})

t.test('bytes a second of a link; what came before the first reading has no time', async (t) => {
  const { links } = recorded([link(1000, 5_000_000), link(1500, 100), link(2000, 300), link(3000, 0)])
  t.same(links[0]!.towardsClients, [
    [500, null],
    [1500, 400],
    [2500, 0],
  ])
})

t.test('evictions count anew when the cache is started again', async (t) => {
  const store = (atMs: number, evictions: number): HistoryLine => ({
    type: 'store',
    part: 'cache',
    atMs,
    usedBytes: 10,
    entries: 1,
    evictions,
  })
  const { evictions, stored } = recorded([store(0, 100), store(1000, 110), store(2000, 4)])
  t.same(evictions[0]!.points, [
    [500, 10],
    [1500, 4],
  ])
  t.same(stored[0]!.points.at(-1), [2500, 10])
})

t.test('what is under way, by part and backend; what nobody told is not there', async (t) => {
  const load = { type: 'load', part: 'router', subject: 's3', atMs: 200, inFlight: 4, waiting: 1 } as const
  const told = recorded([load, { type: 'holding', part: 'router', atMs: 300, rssBytes: 9e7 }])
  t.same(told.inFlight, [{ name: 'router → s3', points: [[500, 4]] }])
  t.same(told.waiting, [{ name: 'router → s3', points: [[500, 1]] }])
  t.same(told.memory, [{ name: 'router', points: [[500, 9e7]] }])
  t.same([told.connections, told.stored, told.evictions, told.links], [[], [], [], []])
})
