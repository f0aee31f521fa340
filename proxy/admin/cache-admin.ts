// The cache's own HTTP endpoints, served on a port of their own: GET /state (JSON) and GET /metrics (Prometheus).
import { Counter, Gauge, Registry } from 'prom-client'
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

/** One metric for each number of the state, read when somebody asks. */
function cacheMetrics(state: () => State): Registry {
  const registry = new Registry()
  const registers = [registry]
  for (const [name, help, read] of gauges) {
    new Gauge({
      name: `${prefix}${name}`,
      help,
      registers,
      collect() {
        this.set(read(state()))
      },
    })
  }
  for (const [name, help, read] of counters) {
    new Counter({
      name: `${prefix}${name}`,
      help,
      registers,
      collect() {
        this.reset()
        this.inc(read(state()))
      },
    })
  }
  countRequests(registers, state)
  return registry
}

const prefix = 'breakwater_cache_'

type Metric = readonly [name: string, help: string, read: (state: State) => number]

const gauges: readonly Metric[] = [
  ['entries', 'Objects in the store.', ({ store }) => store.entries],
  ['used_bytes', 'What the store occupies on disk.', ({ store }) => store.usedBytes],
  ['max_bytes', 'What it may occupy at the most.', ({ store }) => store.maxBytes],
  ['memory_bytes', 'Bodies and headers kept in memory.', ({ store }) => store.memoryBytes],
  [
    'store_available',
    '0 while the disk fails and requests go through uncached.',
    ({ store }) => Number(store.available),
  ],
  ['fills', 'Objects being fetched from the origin.', ({ fills }) => fills],
]

const counters: readonly Metric[] = [
  ['evictions_total', 'Objects dropped for room.', ({ store }) => store.evictions],
  ['corrupt_total', 'Stored objects that failed their checksum.', ({ store }) => store.corrupt],
  ['served_bytes_total', 'Body bytes handed to clients.', ({ totals }) => totals.servedBytes],
  ['upstream_requests_total', 'Requests to the origins.', ({ totals }) => totals.upstreamRequests],
  ['upstream_bytes_total', 'Body bytes the origins sent.', ({ totals }) => totals.upstreamBytes],
]

function countRequests(registers: Registry[], state: () => State): void {
  new Counter({
    name: `${prefix}requests_total`,
    help: 'Requests of clients by X-Cache-Status.',
    labelNames: ['cache_status'],
    registers,
    collect() {
      this.reset()
      for (const [word, count] of Object.entries(state().totals.requests)) {
        this.inc({ cache_status: word }, count)
      }
    },
  })
}

function answer(status: number, type: string, text: string): ProxyResponse {
  return { status, headers: ['Content-Type', type], body: encoder.encode(text) }
}
