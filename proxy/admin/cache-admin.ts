// The cache's own HTTP endpoints, served on a port of their own: GET /state (JSON) and GET /metrics (Prometheus).
import { Registry } from 'prom-client'
import type { Cache } from '../cache/handle.ts'
import type { OriginState } from '../cache/upstream.ts'
import type { Handler, ProxyResponse } from '../object.ts'
import type { BodyStore } from '../ports.ts'
import { addressHelp, addressSamples, expose, type Metric, type Sample } from './metrics.ts'

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
  const add = (
    kind: Metric['kind'],
    name: string,
    help: string,
    labels: readonly string[],
    read: (state: State) => Iterable<Sample>,
  ) => expose(registry, { kind, name: prefix + name, help, labels, read: () => read(state()) })
  for (const [kind, name, help, read] of numbers) add(kind, name, help, [], (now) => [[{}, read(now)]])
  for (const [kind, name, help, read] of ofOrigins) {
    add(kind, `origin_${name}`, help, ['origin'], ({ origins }) =>
      origins.map((origin): Sample => [{ origin: origin.name }, read(origin)]),
    )
  }
  add('gauge', 'origin_address_up', addressHelp, ['origin', 'address'], ({ origins }) =>
    origins.flatMap(({ name, addresses }) => addressSamples({ origin: name }, addresses)),
  )
  add('counter', 'requests_total', 'Requests of clients by X-Cache-Status.', ['cache_status'], ({ totals }) =>
    Object.entries(totals.requests).map(([word, count]): Sample => [{ cache_status: word }, count]),
  )
  return registry
}

const prefix = 'breakwater_cache_'

type Row<S> = readonly [kind: Metric['kind'], name: string, help: string, read: (state: S) => number]

const numbers: readonly Row<State>[] = [
  ['gauge', 'entries', 'Objects in the store.', ({ store }) => store.entries],
  ['gauge', 'used_bytes', 'What the store occupies on disk.', ({ store }) => store.usedBytes],
  ['gauge', 'max_bytes', 'What it may occupy at the most.', ({ store }) => store.maxBytes],
  ['gauge', 'memory_bytes', 'Bodies and headers kept in memory.', ({ store }) => store.memoryBytes],
  [
    'gauge',
    'store_available',
    '0 while the disk fails and requests go through uncached.',
    ({ store }) => Number(store.available),
  ],
  [
    'gauge',
    'repeated_bytes',
    'Hot bodies held a second time, in answers put together for the present second.',
    ({ repeatedBytes }) => repeatedBytes,
  ],
  ['gauge', 'fills', 'Objects being fetched from the origin.', ({ fills }) => fills],
  ['counter', 'evictions_total', 'Objects dropped for room.', ({ store }) => store.evictions],
  ['counter', 'corrupt_total', 'Stored objects that failed their checksum.', ({ store }) => store.corrupt],
  ['counter', 'served_bytes_total', 'Body bytes handed to clients.', ({ totals }) => totals.servedBytes],
  ['counter', 'upstream_requests_total', 'Requests to the origins.', ({ totals }) => totals.upstreamRequests],
  ['counter', 'upstream_bytes_total', 'Body bytes the origins sent.', ({ totals }) => totals.upstreamBytes],
]

const ofOrigins: readonly Row<OriginState>[] = [
  [
    'gauge',
    'breaker_open',
    '1 while nobody but a probe asks.',
    ({ breaker }) => Number(breaker.kind !== 'closed'),
  ],
  [
    'gauge',
    'request_limit',
    'Requests that may wait for its answer at once since it begged off; +Inf: any number.',
    ({ turns }) => turns.limit ?? Number.POSITIVE_INFINITY,
  ],
  ['gauge', 'in_flight', 'Reads that wait for its answer.', ({ turns }) => turns.inFlight],
  ['gauge', 'waiting', 'Reads that wait for their turn to be sent.', ({ turns }) => turns.waiting],
  ['counter', 'slow_downs_total', 'Answers 503.', ({ turns }) => turns.slowDowns],
  ['counter', 'refused_total', 'Reads whose turn did not come in time.', ({ turns }) => turns.refused],
]

function answer(status: number, type: string, text: string): ProxyResponse {
  return { status, headers: ['Content-Type', type], body: encoder.encode(text) }
}
