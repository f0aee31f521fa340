import t from 'tap'
import type { HistoryLine, Outcome } from '../history/events.ts'
import { Recorder } from './recorder.ts'

/** Reads that end in the order given, all due in the same second; the failures told of them. */
function failuresOf(outcomes: readonly Outcome[]) {
  const lines: HistoryLine[] = []
  const recorder = new Recorder(
    (line) => lines.push(line),
    () => 5000,
  )
  outcomes.forEach((outcome, i) => {
    const arrival = { phase: 'p', population: 'known', key: 'k', requestId: `r${i}` } as const
    const timed = { ...arrival, intendedMs: 100 + i, isScheduled: true }
    recorder.arrived(timed)
    recorder.ended(timed, { outcome, detail: '', sentMs: 100 + i, headMs: null, endMs: 200 + i, bytes: 0 })
  })
  recorder.flush(true)
  return lines.filter((line) => line.type === 'failure')
}

t.test('a failure says how many had failed in a row with it; one that ends ok begins anew', async (t) => {
  const failures = failuresOf(['hit', 'reset', 'reset', 'hit', 'timeout', 'http5xx', 'reset'])
  t.same(
    failures.map(({ inARow }) => inARow),
    [1, 2, 1, 2, 3],
  )
})

t.test('failures that are only counted leave the longest run among them behind', async (t) => {
  const many = Array.from({ length: 30 }, (): Outcome => 'reset')
  const failures = failuresOf([...many, 'hit', 'reset'])
  t.equal(failures.length, 21)
  t.match(failures.at(-1), { requestId: 'r31', suppressed: 10, inARow: 30 })
})
