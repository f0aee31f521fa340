import t from 'tap'
import { type CacheOutcome, cacheStatus, statusHeaders } from './cache-status.ts'

t.test('what each outcome says in Cache-Status', async (t) => {
  const cases: [CacheOutcome, string][] = [
    [{ word: 'HIT', because: 'fresh', ttlMs: 1999, backend: 'none' }, 'hit; ttl=1; detail=fresh'],
    [{ word: 'STALE', because: 'timeout', ttlMs: -1500, backend: 'none' }, 'hit; ttl=-2; detail=timeout'],
    [{ word: 'UPDATING', because: 'updating', ttlMs: -1, backend: 'none' }, 'hit; ttl=-1; detail=updating'],
    [
      { word: 'MISS', because: 'cold', forwardedStatus: 200, stored: true, collapsed: true, backend: 's3' },
      'fwd=uri-miss; fwd-status=200; stored; collapsed; detail=cold',
    ],
    [{ word: 'MISS', because: 'breaker-open', backend: 'none' }, 'fwd=uri-miss; detail=breaker-open'],
    [
      { word: 'EXPIRED', because: 'expired', forwardedStatus: 200, backend: 's3' },
      'fwd=stale; fwd-status=200; detail=expired',
    ],
    [
      { word: 'REVALIDATED', because: 'expired', forwardedStatus: 304, ttlMs: 60_000, backend: 's3' },
      'fwd=stale; fwd-status=304; ttl=60; detail=expired',
    ],
    [
      { word: 'BYPASS', because: 'method', forwardedStatus: 204, backend: 's3' },
      'fwd=bypass; fwd-status=204; detail=method',
    ],
  ]
  for (const [outcome, expected] of cases)
    t.equal(cacheStatus('breakwater-cache', outcome), `breakwater-cache; ${expected}`)
})

t.test('every answer carries all four headers', async (t) => {
  const headers = statusHeaders('c', { word: 'HIT', because: 'fresh', ttlMs: 0, backend: 'none' })
  t.strictSame(headers, [
    'Cache-Status',
    'c; hit; ttl=0; detail=fresh',
    'X-Cache-Status',
    'HIT',
    'X-Backend',
    'none',
    'Via',
    '1.1 c',
  ])
})
