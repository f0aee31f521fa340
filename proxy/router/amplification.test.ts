// A router before a cache before an S3: what their retries come to together.
import t from 'tap'
import { nodeDigests } from '../adapters/digests.ts'
import { createCache } from '../cache/handle.ts'
import type { Body } from '../object.ts'
import { once } from '../testing/bodies.ts'
import { cacheOptions } from '../testing/cache-world.ts'
import { pieces } from '../testing/memory-origin.ts'
import { MemoryBodyStore } from '../testing/memory-store.ts'
import { memoryLog } from '../testing/requests.ts'
import { routerWorld } from '../testing/router-world.ts'
import { constantRandom } from '../testing/virtual-clock.ts'

/** Both roles on one clock; `s3` is the cache's origin and the router's backup, one origin behind both. */
function chain() {
  const made = routerWorld()
  const s3 = made.origin('s3')
  const cache = createCache(cacheOptions, {
    ...{ store: new MemoryBodyStore(), origins: [s3], clock: made.clock, random: constantRandom() },
    ...{ log: memoryLog(), signatures: null, digests: nodeDigests, accessLog: null },
  })
  made.origin('cache1').intercept = async ({ method, target, headers, body, signal }) => {
    const request = { method, target, headers, body, clientAddress: '127.0.0.1' }
    const receivedMs = made.clock.monotonicMs()
    const answer = await cache.handle({
      ...request,
      receivedMs,
      signal: signal ?? new AbortController().signal,
    })
    return { ...answer, body: inPieces(answer.body) }
  }
  return { ...made, s3 }
}

function inPieces(body: Uint8Array | Body | null): Body {
  return body === null ? pieces([]) : body instanceof Uint8Array ? once(body) : body
}

for (const mood of ['refused', 'hang', 500, 'slow-down'] as const) {
  t.test(
    `Retry amplification: router and cache together don't multiply requests (S3: ${mood})`,
    async (t) => {
      const { get, s3, clock } = chain()
      s3.mood = mood
      s3.firstByteTimeoutMs = 500
      const reads = 200
      for (let i = 0; i < reads; i++) {
        t.ok((await get(`/b/${i}`)).status >= 500)
        await clock.advance(20)
      }
      t.ok(s3.requests.length <= 1.2 * reads, `${s3.requests.length} requests to S3 for ${reads} reads`)
      const before = s3.requests.length
      for (let i = 0; i < 20; i++) await get('/b/up', { method: 'PUT', body: once('body') })
      t.ok(s3.requests.length - before <= 20, 'an upload is sent once at the most')
    },
  )
}
