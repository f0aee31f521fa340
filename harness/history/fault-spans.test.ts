import t from 'tap'
import type { FailureLine, WindowLine } from './events.ts'
import { failoverOf } from './failovers.ts'
import { FaultRecorder } from './fault-spans.ts'

const applied = (name: string, atMs: number) =>
  ({ type: 'fault', name, target: 'x', edge: 'applied', atMs }) as const
const healed = (name: string, atMs: number) =>
  ({ type: 'fault', name, target: 'x', edge: 'healed', atMs, touched: { count: 1, evidence: '' } }) as const
const state = (subject: string, to: string, atMs: number) =>
  ({ type: 'state', part: 'router', subject, state: to, because: '', atMs }) as const
const second = (atMs: number, scheduled: number, stale: number): WindowLine => ({
  type: 'window',
  phase: 'p',
  population: 'known',
  atMs,
  widthMs: 1000,
  scheduled,
  byOutcome: { stale, hit: scheduled - stale },
  servedBytes: 0,
})
const lost = (atMs: number, responseMs: number, suppressed?: number): FailureLine => ({
  type: 'failure',
  phase: 'p',
  population: 'known',
  atMs,
  key: 'k',
  outcome: 'reset',
  responseMs,
  detail: '',
  requestId: 'r',
  ...(suppressed !== undefined && { suppressed }),
})

t.test('one fault: noticed, switched, healed, back', async (t) => {
  const recorder = new FaultRecorder()
  recorder.addFault(applied('cut', 1000))
  recorder.addLostRead(lost(1010, 5))
  recorder.addLostRead(lost(1200, 100, 4))
  recorder.addState(state('cache1', 'down', 1500))
  recorder.addFault(healed('cut', 4000))
  recorder.addLostRead(lost(4100, 50))
  recorder.addState(state('cache1', 'up', 5200))
  recorder.addKnown(second(1000, 100, 20), 90)
  recorder.addKnown(second(2000, 40, 0), null)
  recorder.addKnown(second(4000, 100, 100), 500) // after the healing
  t.same(failoverOf(recorder.spans[0]!), {
    fault: 'cut',
    injectedMs: 1000,
    detectedMs: 500,
    switchedMs: 300,
    healedMs: 4000,
    backMs: 1200,
    readsLost: 7,
    firstLossMs: 15,
    lastLossMs: 3150,
    lossesInARow: null, // nobody counted
    outageMs: 100, // 7 of the 140 reads of two seconds
    staleServed: 20,
    slowestMs: 90,
  })
})

t.test('the longest run of losses is that of its fault alone', async (t) => {
  const recorder = new FaultRecorder()
  recorder.addFault(applied('killed', 1000))
  for (const inARow of [1, 7, 3]) recorder.addLostRead({ ...lost(1100, 10), inARow })
  recorder.addFault(healed('killed', 2000))
  recorder.addFault(applied('stopped', 3000))
  recorder.addLostRead({ ...lost(3100, 10), inARow: 2 })
  t.same(
    recorder.spans.map((span) => failoverOf(span).lossesInARow),
    [7, 2],
  )
  t.equal(failoverOf(recorder.spans[0]!).outageMs, null, 'without reads there is no rate')
})

t.test('a failed read that is told after the healing counts where it began', async (t) => {
  const recorder = new FaultRecorder()
  recorder.addFault(applied('cut', 1000))
  recorder.addFault(healed('cut', 2000))
  recorder.addLostRead(lost(1900, 5000))
  t.match(failoverOf(recorder.spans[0]!), { readsLost: 1, switchedMs: 5900 })
})

t.test(
  'a read that is under way when a fault comes is lost to that one, not to the one before',
  async (t) => {
    const recorder = new FaultRecorder()
    recorder.addFault(applied('killed', 1000))
    recorder.addFault(healed('killed', 2000))
    recorder.addFault(applied('stopped', 5000))
    recorder.addLostRead(lost(4990, 3000))
    recorder.addFault(healed('stopped', 9000))
    t.same(
      recorder.spans.map((span) => failoverOf(span).readsLost),
      [0, 1],
    )
    t.equal(failoverOf(recorder.spans[0]!).backMs, null)
  },
)

t.test('faults in a row keep their own accounts', async (t) => {
  const recorder = new FaultRecorder()
  recorder.addFault(applied('503', 0))
  recorder.addState(state('s3', 'down', 300))
  recorder.addFault(healed('503', 1000))
  recorder.addFault(applied('silent', 1000))
  recorder.addState(state('cache1', 'up', 1500)) // was never down
  recorder.addLostRead(lost(1200, 10))
  recorder.addFault(healed('silent', 2000))
  recorder.addState(state('s3', 'up', 2400))
  t.same(
    recorder.spans.map((span) => failoverOf(span).readsLost),
    [0, 1],
  )
  t.match(failoverOf(recorder.spans[0]!), { detectedMs: 300, backMs: null })
  t.match(failoverOf(recorder.spans[1]!), { detectedMs: null, backMs: 400 })
})

t.test(
  'a state that is neither up nor down changes nothing; a fault nobody applied is a doubt',
  async (t) => {
    const recorder = new FaultRecorder()
    recorder.addState(state('s3', 'down', 1))
    recorder.addFault(applied('cut', 5))
    recorder.addState(state('s3', 'half-open', 6))
    t.equal(recorder.spans[0]!.detectedAtMs, null)
    recorder.addFault(healed('other', 9))
    t.same(recorder.doubts, ['the fault other was healed but never applied'])
  },
)
