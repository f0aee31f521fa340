import t from 'tap'
import { conditionOf, coversWithStale, type OriginFailure, type StaleCondition } from './stale.ts'

t.test('the condition each failure falls under', async (t) => {
  const cases: [OriginFailure, StaleCondition | null][] = [
    [{ code: 'connect-refused' }, 'error'],
    [{ code: 'reset' }, 'error'],
    [{ code: 'dns-failed' }, 'error'],
    [{ code: 'tls-failed' }, 'error'],
    [{ code: 'breaker-open' }, 'error'],
    [{ code: 'connect-timeout' }, 'timeout'],
    [{ code: 'first-byte-timeout' }, 'timeout'],
    [{ code: 'deadline' }, 'timeout'],
    [{ code: 'bad-header' }, 'invalid_header'],
    [{ status: 500 }, 'http_500'],
    [{ status: 503 }, 'http_503'],
    [{ status: 429 }, 'http_429'],
    [{ status: 200 }, null],
    [{ status: 403 }, null],
    [{ status: 404 }, null],
  ]
  for (const [failure, condition] of cases) t.equal(conditionOf(failure), condition, JSON.stringify(failure))
})

t.test('only what is listed is covered', async (t) => {
  t.ok(coversWithStale({ code: 'reset' }, ['error']))
  t.notOk(coversWithStale({ code: 'deadline' }, ['error']))
  t.notOk(coversWithStale({ status: 403 }, ['error', 'timeout', 'http_500']))
})
