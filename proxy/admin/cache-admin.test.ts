import t from 'tap'
import { cacheWorld } from '../testing/cache-world.ts'
import { collect, patterned } from '../testing/memory-origin.ts'
import { request } from '../testing/requests.ts'
import { createCacheAdmin } from './cache-admin.ts'

const secret = 'AWS4-HMAC-SHA256 Credential=AKIA/x, Signature=c0ffee'

t.test(
  'metrics count requests by cache status, bytes served and bytes fetched, and hold no secret and no key',
  async (t) => {
    const { cache, origin, store, read } = cacheWorld()
    const admin = createCacheAdmin({ cache: () => cache, store })
    const ask = async (target: string) => {
      const { status, body } = await admin(request(target))
      return { status, text: Buffer.from(await collect(body)).toString() }
    }
    origin.put('/b/key', patterned(1000))
    const headers = ['Authorization', secret]
    await read('/b/key', { headers })
    await read('/b/key', { headers })
    await read('/b/key', { headers: [...headers, 'Range', 'bytes=0-9'] })
    await read('/b/key?acl&X-Amz-Signature=c0ffee', { headers })
    const { text } = await ask('/metrics')
    const metric = (name: string) =>
      Number(new RegExp(`^breakwater_cache_${name} (\\S+)$`, 'm').exec(text)?.[1])
    t.equal(metric('requests_total{cache_status="MISS"}'), 1)
    t.equal(metric('requests_total{cache_status="HIT"}'), 2)
    t.equal(metric('requests_total{cache_status="BYPASS"}'), 1)
    t.equal(metric('requests_total{cache_status="STALE"}'), 0)
    const passedBytes = origin.requests.at(-1)!.sentBytes
    t.equal(metric('served_bytes_total'), 2010 + passedBytes)
    t.equal(metric('upstream_requests_total'), 2)
    t.equal(metric('upstream_bytes_total'), 1000 + passedBytes)
    t.equal(metric('entries'), 1)
    t.match(text, /^breakwater_cache_origin_request_limit\{origin="s3"\} \+Inf$/m)
    const health = { state: 'up', sinceMs: 0, failures: 0, lastError: null, probeAtMs: 0 }
    Object.assign(origin, { addresses: () => [{ address: '10.0.0.2', ...health }] })
    origin.mood = 'slow-down'
    await read('/b/other')
    const begged = (await ask('/metrics')).text
    t.match(begged, /^breakwater_cache_origin_request_limit\{origin="s3"\} 1$/m)
    t.match(begged, /^breakwater_cache_origin_slow_downs_total\{origin="s3"\} 1$/m)
    const state = await ask('/state')
    const { origins } = JSON.parse(state.text)
    t.match(origins, [
      { name: 's3', turns: { limit: 1, slowDowns: 1 }, addresses: [{ address: '10.0.0.2', state: 'up' }] },
    ])
    t.match(begged, /^breakwater_cache_origin_address_up\{origin="s3",address="10\.0\.0\.2"\} 1$/m)
    t.match(JSON.parse(state.text), { totals: { requests: { HIT: 2, MISS: 2 } }, fills: 0 })
    for (const one of [text, state.text]) t.notMatch(one, /AKIA|c0ffee|Credential|\/b\/key/)
    t.equal((await ask('/other')).status, 404)
  },
)
