// The cache's own HTTP endpoints, served on a port of their own: GET /state (JSON) and GET /metrics (Prometheus).
import { Gauge, Registry } from 'prom-client'
import type { Cache } from '../cache/handle.ts'
import type { Handler, ProxyResponse } from '../object.ts'
import type { BodyStore } from '../ports.ts'

export interface CacheAdminOptions {
  /** The cache in force; after a reload another one. */
  readonly cache: () => Cache
  readonly store: BodyStore
}

const encoder = new TextEncoder()

export function createCacheAdmin({ cache, store }: CacheAdminOptions): Handler {
  const state = () => ({ store: store.stats(), ...cache().state() })
  const metrics = cacheMetrics(state)
  return async (request) => {
    if (request.method !== 'GET') return answer(405, 'text/plain', 'only GET\n')
    switch (request.target) {
      case '/state':
        return answer(200, 'application/json', JSON.stringify(state()))
      case '/metrics':
        return answer(200, metrics.contentType, await metrics.metrics())
      default:
        return answer(404, 'text/plain', 'there are /state and /metrics\n')
    }
  }
}

type State = ReturnType<Cache['state']> & { readonly store: ReturnType<BodyStore['stats']> }

/** One gauge for each number of the state, read when somebody asks. */
function cacheMetrics(state: () => State): Registry {
  const registry = new Registry()
  const gauge = (name: string, help: string, read: (state: State) => number) =>
    new Gauge({
      name: `breakwater_cache_${name}`,
      help,
      registers: [registry],
      collect() {
        this.set(read(state()))
      },
    })
  gauge('entries', 'Objects in the store.', ({ store }) => store.entries)
  gauge('used_bytes', 'What the store occupies on disk.', ({ store }) => store.usedBytes)
  gauge('max_bytes', 'What it may occupy at the most.', ({ store }) => store.maxBytes)
  gauge('memory_bytes', 'Bodies and headers kept in memory.', ({ store }) => store.memoryBytes)
  gauge('evictions_total', 'Objects dropped for room.', ({ store }) => store.evictions)
  gauge('corrupt_total', 'Stored objects that failed their checksum.', ({ store }) => store.corrupt)
  gauge('store_available', '0 while the disk fails and requests go through uncached.', ({ store }) =>
    Number(store.available),
  )
  gauge('fills', 'Objects being fetched from the origin.', ({ fills }) => fills)
  return registry
}

function answer(status: number, type: string, text: string): ProxyResponse {
  return { status, headers: ['Content-Type', type], body: encoder.encode(text) }
}
