import t from 'tap'
import { createMemoryStore } from '../adapters/memory-store.ts'
import { cacheDefaults } from '../cache/options.ts'
import { headerValue, type ProxyResponse } from '../object.ts'
import { defaultBreaker } from '../policy/breaker.ts'
import { collect, patterned } from '../testing/memory-origin.ts'
import { request } from '../testing/requests.ts'
import { hitHeaders, routerWorld } from '../testing/router-world.ts'
import { MemoryTier } from './memory-tier.ts'

const small = patterned(4096)

function world(mode: 'network' | 'revalidate' = 'network') {
  const made = routerWorld()
  const store = createMemoryStore({ maxBytes: 1 << 20, maxObjectBytes: 65_536, eviction: 's3-fifo' })
  const cache = {
    ...cacheDefaults,
    name: 'breakwater-router',
    hosts: ['s3.test'],
    valid: [{ prefix: '', status: 200, timeMs: 60_000 }],
    useStale: ['error', 'timeout', 'http_503'] as const,
    breaker: defaultBreaker,
    authorisation: { ...cacheDefaults.authorisation, mode, keys: [] },
  }
  const { clock, log } = made
  const ports = { store, clock, log, random: { next: () => 0.5 }, signatures: null, digests: null }
  const tier = new MemoryTier(made.router, { cache, maxObjectBytes: 65_536 }, ports)
  made.origin('cache1').put('/b/k', small, hitHeaders)
  made.origin('s3').put('/b/k', small)
  const send = (target: string, more: Parameters<typeof request>[1] = {}) =>
    tier.handle(request(target, { receivedMs: clock.monotonicMs(), ...more }))
  const get = async (target: string, more: Parameters<typeof request>[1] = {}) => {
    const response = await clock.until(Promise.resolve(send(target, more)))
    const body = Uint8Array.from(await clock.until(collect(response.body)))
    await clock.advance(0)
    return {
      status: response.status,
      headers: response.headers,
      body,
      cache: header(response, 'x-cache-status'),
      backend: header(response, 'x-backend'),
    }
  }
  return { ...made, store, tier, send, get, asked: () => made.origin('cache1').seen.length }
}

function header({ headers }: Pick<ProxyResponse, 'headers'>, name: string) {
  return headerValue(headers, name)
}

t.test('the second read crosses no network, and is answered at once', async (t) => {
  const { get, send, asked, router } = world()
  t.match(
    await get('/b/k'),
    { backend: 'cache1', cache: 'HIT' },
    'the first one keeps the words of the cache node',
  )
  const answer = send('/b/k')
  t.notOk(answer instanceof Promise, 'synchronous')
  const { body, status, headers } = answer as ProxyResponse
  t.equal(status, 200)
  t.ok(Buffer.from(small).equals(body as Uint8Array))
  t.equal(headerValue(headers, 'x-backend'), 'none')
  t.equal(headerValue(headers, 'x-cache-status'), 'HIT')
  t.match(headerValue(headers, 'cache-status'), /^breakwater-router; hit; ttl=59; detail=fresh/)
  t.equal(asked(), 1)
  t.match(router.fleet.totals, { requests: 2, memoryHits: 1, bytesOut: 8192, inFlight: 0 })
})

t.test('conditions, ranges and HEAD are answered as S3 would', async (t) => {
  const { get, asked } = world()
  const { headers } = await get('/b/k')
  const etag = headerValue(headers, 'etag')!
  t.match(await get('/b/k', { headers: ['If-None-Match', etag] }), { status: 304, backend: 'none' })
  const part = await get('/b/k', { headers: ['Range', 'bytes=10-19'] })
  t.equal(part.status, 206)
  t.same(part.body, small.subarray(10, 20))
  t.match(await get('/b/k', { method: 'HEAD' }), { status: 200, backend: 'none', body: new Uint8Array(0) })
  t.equal(asked(), 1)
})

t.test('a dead node and a dead S3 are not noticed by hot reads, also past their freshness', async (t) => {
  const { get, origin, clock } = world()
  await get('/b/k')
  origin('cache1').mood = 'refused'
  origin('s3').mood = 'refused'
  t.match(await get('/b/k'), { status: 200, cache: 'HIT' })
  await clock.advance(61_000)
  t.match(await get('/b/k'), { status: 200, cache: 'STALE', body: small })
})

t.test('past its freshness an object is asked for anew', async (t) => {
  const { get, origin, clock } = world()
  await get('/b/k')
  await clock.advance(61_000)
  const changed = patterned(4096, 2)
  origin('cache1').put('/b/k', changed, hitHeaders)
  t.match(await get('/b/k'), { backend: 'cache1', body: changed })
  t.match(await get('/b/k'), { backend: 'none', body: changed })
})

t.test('what is not small, whole, plain and public enough is left to the cache node', async (t) => {
  const cases: [string, string, string[]][] = [
    ['too large', '/b/large', []],
    ['with a query', '/b/k?versionId=1', []],
    ['a part', '/b/k', ['Range', 'bytes=0-9']],
    ['a browser’s', '/b/k', ['Origin', 'https://app.test']],
    ['with a customer’s key', '/b/k', ['X-Amz-Server-Side-Encryption-Customer-Algorithm', 'AES256']],
    ['an absent one', '/b/none', []],
  ]
  for (const [name, target, headers] of cases) {
    const { get, origin, store } = world()
    origin('cache1').put('/b/large', patterned(70_000), hitHeaders)
    await get(target, { headers })
    t.equal(store.stats().entries, 0, name)
  }
})

t.test('a body that breaks, or that the client leaves, is not kept', async (t) => {
  const { get, origin, store, send, clock } = world()
  origin('cache1').cutAfterBytes = 0
  origin('s3').cutAfterBytes = 0
  await t.rejects(get('/b/k'))
  const response = await clock.until(Promise.resolve(send('/b/k')))
  await (response.body as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]().return!()
  await clock.advance(0)
  t.equal(store.stats().entries, 0)
})

t.test('a write makes the router forget, also when a read is on its way', async (t) => {
  const { get, send, origin, clock, store } = world()
  await get('/b/k')
  await get('/b/k', { method: 'PUT', headers: ['Content-Length', '0'] })
  t.equal(store.stats().entries, 0)
  origin('cache1').put('/b/k', small, hitHeaders)
  const old = await clock.until(Promise.resolve(send('/b/k')))
  await get('/b/k', { method: 'DELETE' })
  await clock.until(collect(old.body))
  await clock.advance(0)
  t.equal(store.stats().entries, 0, 'the read began before the write ended')
  t.match(await get('/b/k'), { status: 404 })
})

t.test('deleting many objects at once makes it forget all that is older', async (t) => {
  const { get, asked, clock } = world()
  await get('/b/k')
  await clock.advance(10)
  await get('/b/?delete', { method: 'POST', headers: ['Content-Length', '0'] })
  const before = asked()
  await get('/b/k')
  t.equal(asked(), before + 1)
})

t.test('in mode revalidate S3 is asked who may read', async (t) => {
  const { get, asked } = world('revalidate')
  const signed = (key: string) => ({
    headers: [
      'Authorization',
      `AWS4-HMAC-SHA256 Credential=${key}/20260101/x/s3/aws4_request, SignedHeaders=host, Signature=s`,
      'X-Amz-Date',
      '20260101T000000Z',
    ],
  })
  await get('/b/k', signed('a'))
  const before = asked()
  t.match(await get('/b/k', signed('b')), { status: 200, cache: 'REVALIDATED' })
  t.equal(asked(), before + 1, 'a stranger is checked once')
  t.match(await get('/b/k', signed('b')), { status: 200, cache: 'HIT' })
  t.equal(asked(), before + 1)
})
