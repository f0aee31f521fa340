import fc from 'fast-check'
import t from 'tap'
import type { ErrorCode } from '../errors.ts'
import { type AttemptEnd, afterAttempt, type BudgetOptions, earned, spend, startBudget } from './retry.ts'

const failed = (code: ErrorCode): AttemptEnd => ({ kind: 'failed', code })
const answered = (status: number, byCacheNode = true): AttemptEnd => ({
  kind: 'answered',
  status,
  byCacheNode,
})

t.test('what may be tried on another server', async (t) => {
  const cases: [string, AttemptEnd, { method?: string; bodyTouched?: boolean; attempts?: number }, string][] =
    [
      ['a refused read', failed('connect-refused'), {}, 'retry connect-refused free'],
      ['a read cut before its head', failed('reset'), {}, 'retry reset free'],
      ['a silent read', failed('first-byte-timeout'), {}, 'retry first-byte-timeout'],
      ['a 503 of a cache node', answered(503), {}, 'retry status-503'],
      ['a 503 of S3', answered(503, false), {}, 'answer'],
      ['a 500 of a cache node', answered(500), {}, 'answer'],
      ['a 404', answered(404), {}, 'answer'],
      ['a preflight that was cut', failed('reset'), { method: 'OPTIONS' }, 'retry reset free'],
      ['a preflight answered 503', answered(503), { method: 'OPTIONS' }, 'retry status-503'],
      ['a 503 to an upload', answered(503), { method: 'PUT' }, 'answer'],
      ['a refused upload', failed('connect-refused'), { method: 'PUT' }, 'retry connect-refused free'],
      [
        'an upload cut with bytes sent',
        failed('reset'),
        { method: 'PUT', bodyTouched: true },
        'give-up may-have-acted',
      ],
      ['an upload cut', failed('reset'), { method: 'PUT' }, 'give-up may-have-acted'],
      [
        'a refused upload whose body was read',
        failed('connect-refused'),
        { method: 'PUT', bodyTouched: true },
        'give-up may-have-acted',
      ],
      [
        'a DELETE that timed out',
        failed('first-byte-timeout'),
        { method: 'DELETE' },
        'give-up may-have-acted',
      ],
      ['the last attempt', failed('reset'), { attempts: 3 }, 'give-up too-many-attempts'],
      ['the last attempt, answered', answered(503), { attempts: 3 }, 'answer'],
      ['nobody waits', failed('client-gone'), {}, 'give-up client-gone'],
      ['no time left', failed('deadline'), {}, 'give-up deadline'],
      ['busy', failed('queue-full'), {}, 'give-up queue-full'],
    ]
  for (const [name, end, view, expected] of cases) {
    const decision = afterAttempt(end, { method: 'GET', bodyTouched: false, attempts: 1, ...view }, 3)
    const words = decision.kind === 'answer' ? [] : [decision.because]
    const free = decision.kind === 'retry' && decision.free ? ['free'] : []
    t.equal([decision.kind, ...words, ...free].join(' '), expected, name)
  }
})

t.test('requests with bytes sent are never replayed, whatever went wrong', async () => {
  const codes: ErrorCode[] = [
    'dns-failed',
    'connect-refused',
    'tls-failed',
    'reset',
    'closed-early',
    'first-byte-timeout',
    'truncated',
    'deadline',
  ]
  fc.assert(
    fc.property(
      fc.constantFrom('PUT', 'POST', 'DELETE', 'PATCH'),
      fc.constantFrom(...codes),
      fc.nat(5),
      (method, code, attempts) =>
        afterAttempt(failed(code), { method, bodyTouched: true, attempts }, 10).kind !== 'retry',
    ),
  )
})

t.test('retries never exceed their share of the requests, plus so many a second', async () => {
  const step = fc.record({ waitMs: fc.nat(300), retries: fc.nat(6) })
  const shares = fc.record({ ratio: fc.double({ min: 0, max: 1, noNaN: true }), perSecond: fc.nat(20) })
  fc.assert(
    fc.property(shares, fc.array(step, { maxLength: 150 }), ({ ratio, perSecond }, steps) => {
      const options: BudgetOptions = { ratio, perSecond, maxRequests: 100 }
      let budget = startBudget(0, options)
      let now = 0
      let granted = 0
      let requests = 0
      for (const { waitMs, retries } of steps) {
        now += waitMs
        requests++
        budget = earned(budget, options)
        for (let i = 0; i < retries; i++) {
          const asked = spend(budget, now, options)
          budget = asked.budget
          if (asked.granted) granted++
        }
        if (granted > ratio * requests + perSecond * (10 + now / 1000) + 1e-6) return false
      }
      return true
    }),
  )
})

t.test('a budget that was spent fills again with requests and with time', async (t) => {
  const options: BudgetOptions = { ratio: 0.5, perSecond: 1, maxRequests: 100 }
  let budget = startBudget(0, options)
  for (let i = 0; i < 10; i++) budget = spend(budget, 0, options).budget
  t.equal(spend(budget, 0, options).granted, false)
  t.equal(spend(budget, 1000, options).granted, true)
  t.equal(spend(earned(earned(budget, options), options), 0, options).granted, true)
})
