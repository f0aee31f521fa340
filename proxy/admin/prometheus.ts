// The router's state as Prometheus metrics.
import { Counter, Gauge, Registry } from 'prom-client'
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
  ['queued', 'Requests that wait for a connection of the server', (one) => one.queued],
]

const quantiles = [
  ['0.5', 'p50'],
  ['0.9', 'p90'],
  ['0.99', 'p99'],
] as const

/** A registry that reads `state` whenever it is scraped. */
export function routerMetrics(state: () => RouterState): Registry {
  const registry = new Registry()
  const registers = [registry]
  const prefix = 'breakwater_router_'
  for (const [name, help, read] of counters) {
    new Counter({
      name: `${prefix}server_${name}`,
      help,
      labelNames: ['server'],
      registers,
      collect() {
        this.reset()
        for (const one of state().backends) this.inc({ server: one.name }, read(one))
      },
    })
  }
  for (const [name, help, read] of gauges) {
    new Gauge({
      name: `${prefix}server_${name}`,
      help,
      labelNames: ['server'],
      registers,
      collect() {
        for (const one of state().backends) this.set({ server: one.name }, read(one))
      },
    })
  }
  firstByteGauge(prefix, registers, state)
  totalCounters(prefix, registers, state)
  return registry
}

function firstByteGauge(prefix: string, registers: Registry[], state: () => RouterState): void {
  new Gauge({
    name: `${prefix}server_first_byte_seconds`,
    help: 'Time to the head of an answer over the last one or two minutes',
    labelNames: ['server', 'quantile'],
    registers,
    collect() {
      for (const { name, firstByteMs } of state().backends) {
        for (const [quantile, key] of quantiles) this.set({ server: name, quantile }, firstByteMs[key] / 1000)
      }
    },
  })
}

function totalCounters(prefix: string, registers: Registry[], state: () => RouterState): void {
  const totals: readonly [string, string, (state: RouterState) => number][] = [
    ['requests_total', 'Requests of clients', ({ totals }) => totals.requests],
    [
      'refused_total',
      'Requests that no server could serve, answered 503 by the router itself',
      ({ totals }) => totals.refused,
    ],
    [
      'memory_hits_total',
      "Requests answered from the router's own memory",
      ({ totals }) => totals.memoryHits,
    ],
  ]
  for (const [name, help, read] of totals) {
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
}
