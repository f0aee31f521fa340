// The router's state as Prometheus metrics.
import { Registry } from 'prom-client'
import { addressHelp, addressSamples, expose, type Metric, type Sample } from './metrics.ts'
import type { BackendState, RouterState } from './state.ts'

type Read = (one: BackendState) => number

const counters: readonly [string, string, Read][] = [
  ['requests_total', 'Requests sent to the server', (one) => one.requests],
  ['errors_total', 'Requests that the server failed', (one) => one.errors],
  ['connect_errors_total', 'Connections to the server that never came about', (one) => one.connectErrors],
  ['retries_total', 'Requests that went on to another server', (one) => one.retries],
  ['resumed_bodies_total', 'Bodies that the server broke and another one continued', (one) => one.resumed],
  ['bytes_in_total', 'Request body bytes sent to the server', (one) => one.bytesIn],
  ['bytes_out_total', 'Answer body bytes from the server', (one) => one.bytesOut],
  ['checks_failed_total', 'Health checks that failed', (one) => one.checksFailed],
  ['downs_total', 'Times the server was marked down', (one) => one.timesDown],
  [
    'downtime_seconds_total',
    'Time the server was unreachable, estimated from evidence',
    (one) => one.downtimeMs / 1000,
  ],
]

const gauges: readonly [string, string, Read][] = [
  ['up', '1 while the server takes traffic', (one) => (one.state === 'up' ? 1 : 0)],
  ['in_flight', 'Requests that hold a connection of the server', (one) => one.inFlight],
  [
    'request_limit',
    'Reads that may wait for the answer of the server at once since it begged off; +Inf: any number',
    (one) => one.requestLimit ?? Number.POSITIVE_INFINITY,
  ],
  ['queued', 'Requests that wait for a connection of the server', (one) => one.queued],
]

const quantiles = [
  ['0.5', 'p50'],
  ['0.9', 'p90'],
  ['0.99', 'p99'],
] as const

const totals: readonly [string, string, (state: RouterState) => number][] = [
  ['requests_total', 'Requests of clients', ({ totals }) => totals.requests],
  [
    'refused_total',
    'Requests that no server could serve, answered 503 by the router itself',
    ({ totals }) => totals.refused,
  ],
  ['memory_hits_total', "Requests answered from the router's own memory", ({ totals }) => totals.memoryHits],
]

const prefix = 'breakwater_router_'

/** A registry that reads `state` whenever it is scraped. */
export function routerMetrics(state: () => RouterState): Registry {
  const registry = new Registry()
  const ofServers = (kind: Metric['kind'], name: string, help: string, read: Read) =>
    expose(registry, {
      kind,
      name: `${prefix}server_${name}`,
      help,
      labels: ['server'],
      read: () => state().backends.map((one): Sample => [{ server: one.name }, read(one)]),
    })
  for (const row of counters) ofServers('counter', ...row)
  for (const row of gauges) ofServers('gauge', ...row)
  for (const [name, help, read] of totals) {
    expose(registry, {
      kind: 'counter',
      name: prefix + name,
      help,
      labels: [],
      read: () => [[{}, read(state())]],
    })
  }
  expose(registry, {
    kind: 'gauge',
    name: `${prefix}server_first_byte_seconds`,
    help: 'Time to the head of an answer over the last one or two minutes',
    labels: ['server', 'quantile'],
    read: () => state().backends.flatMap(firstByteSamples),
  })
  expose(registry, {
    kind: 'gauge',
    name: `${prefix}server_address_up`,
    help: addressHelp,
    labels: ['server', 'address'],
    read: () => state().backends.flatMap((one) => addressSamples({ server: one.name }, one.addresses)),
  })
  return registry
}

function firstByteSamples({ name, firstByteMs }: BackendState): Sample[] {
  return quantiles.map(([quantile, key]) => [{ server: name, quantile }, firstByteMs[key] / 1000])
}
