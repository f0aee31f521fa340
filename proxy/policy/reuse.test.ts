import t from 'tap'
import type { StoredEntry } from '../object.ts'
import { requestDemands } from './cache-control.ts'
import { type OriginAccess, type Reuse, type ReuseRules, reuse } from './reuse.ts'

const nowMs = 1_000_000_000

function entry(ttlMs: number, status = 200, headers: string[] = []): StoredEntry {
  const meta = {
    status,
    headers,
    bodyBytes: 1,
    etag: '"e"',
    validatedAtMs: nowMs - 1000,
    freshUntilMs: nowMs + ttlMs,
  }
  return { key: 'k', meta: { ...meta, isPublic: false } }
}

const every: ReuseRules = { profile: 's3', useStale: ['error', 'timeout', 'updating'] }
const patient: ReuseRules = { profile: 's3', useStale: ['error', 'timeout'] }
const never: ReuseRules = { profile: 's3', useStale: [] }

t.test('the decision for each state of an entry and of the origin', async (t) => {
  const cases: [string, StoredEntry | undefined, OriginAccess, ReuseRules, Partial<Reuse>][] = [
    ['nothing stored', undefined, 'pass', every, { kind: 'miss', because: 'cold' }],
    ['fresh', entry(1), 'pass', every, { kind: 'hit', ttlMs: 1 }],
    ['fresh, origin away', entry(1), 'refuse', never, { kind: 'hit', ttlMs: 1 }],
    ['expired at this very moment', entry(0), 'pass', patient, { kind: 'validate', because: 'expired' }],
    ['expired', entry(-1), 'pass', every, { kind: 'stale', because: 'updating', refresh: true }],
    [
      'expired, without updating',
      entry(-1),
      'pass',
      patient,
      { kind: 'validate', because: 'expired', staleCovers: true },
    ],
    [
      'expired, breaker open',
      entry(-1),
      'refuse',
      patient,
      { kind: 'stale', because: 'breaker-open', refresh: false },
    ],
    [
      'expired, probe due',
      entry(-1),
      'probe',
      patient,
      { kind: 'stale', because: 'breaker-open', refresh: true },
    ],
    [
      'expired, breaker open, stale never',
      entry(-1),
      'refuse',
      never,
      { kind: 'validate', because: 'expired' },
    ],
    ['404 fresh', entry(1, 404), 'pass', every, { kind: 'hit' }],
    ['404 expired', entry(-1, 404), 'pass', every, { kind: 'miss', because: 'negative-expired' }],
    [
      '404 expired, origin away',
      entry(-1, 404),
      'refuse',
      every,
      { kind: 'miss', because: 'negative-expired' },
    ],
  ]
  for (const [name, stored, origin, rules, expected] of cases)
    t.match(reuse(stored, nowMs, origin, null, rules), expected, name)
})

t.test('an entry from the future is validated, one a little ahead is not', async (t) => {
  const ahead = (ms: number) => {
    const { key, meta } = entry(100_000)
    return { key, meta: { ...meta, validatedAtMs: nowMs + ms } }
  }
  t.match(reuse(ahead(59_000), nowMs, 'pass', null, every), { kind: 'hit' })
  t.match(reuse(ahead(61_000), nowMs, 'pass', null, every), { kind: 'validate', because: 'clock-went-back' })
})

t.test('a client’s demands count only where they are heard', async (t) => {
  const rules: ReuseRules = { profile: 'rfc9111', useStale: [] }
  const noCache = requestDemands('no-cache', undefined)
  t.match(reuse(entry(1000), nowMs, 'pass', noCache, rules), {
    kind: 'validate',
    because: 'request-no-cache',
  })
  t.match(reuse(entry(1000), nowMs, 'pass', null, rules), { kind: 'hit' })
  t.match(reuse(undefined, nowMs, 'pass', requestDemands('only-if-cached', undefined), rules), {
    kind: 'refuse',
  })
  t.match(reuse(entry(1000), nowMs, 'pass', requestDemands(undefined, 'no-cache'), rules), {
    kind: 'validate',
  })
})
