// What the server counts, under Toxiproxy's names. Toxiproxy adds bytes only when a connection ends; these are
// counted chunk by chunk, so that they also tell what is going on right now.
import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client'
import type { Touch } from './touches.ts'
import type { Direction } from './toxics/toxic.ts'

/** Bytes of one direction of one proxy. Plain numbers: they are added to with every chunk. */
export interface Traffic {
  receivedBytes: number
  sentBytes: number
}

/** What of a proxy stands in the labels of its counters. */
export interface TrafficLabels {
  readonly direction: Direction
  readonly listener: string
  readonly proxy: string
  readonly upstream: string
}

export interface ProxyCounts {
  readonly name: string
  readonly open: number
  readonly accepted: number
  readonly touched: Readonly<Record<string, Touch>>
}

export interface Metrics {
  /** The counters for these labels; the same ones whenever asked, so a proxy may come, go and come again. */
  traffic(labels: TrafficLabels): Traffic
  text(): Promise<string>
  readonly contentType: string
}

interface MetricsOptions {
  /** Node's own figures as well, in the place of Go's. */
  readonly runtime: boolean
  readonly proxies: () => readonly ProxyCounts[]
}

export function createMetrics({ runtime, proxies }: MetricsOptions): Metrics {
  const registers = [new Registry()]
  const series = new Map<string, { labels: TrafficLabels; traffic: Traffic }>()
  byteCounters(registers, series)
  connectionCounters(registers, proxies)
  if (runtime) collectDefaultMetrics({ register: registers[0] })
  return {
    traffic: (labels) => {
      const key = JSON.stringify(labels)
      const known = series.get(key) ?? { labels, traffic: { receivedBytes: 0, sentBytes: 0 } }
      series.set(key, known)
      return known.traffic
    },
    text: () => registers[0]!.metrics(),
    contentType: registers[0]!.contentType,
  }
}

function byteCounters(
  registers: Registry[],
  series: ReadonlyMap<string, { labels: TrafficLabels; traffic: Traffic }>,
): void {
  const counter = (way: 'received' | 'sent') =>
    new Counter({
      name: `toxiproxy_proxy_${way}_bytes_total`,
      help: `Bytes ${way} by the proxies, chunk by chunk`,
      labelNames: ['direction', 'listener', 'proxy', 'upstream'],
      registers,
      collect() {
        this.reset()
        for (const { labels, traffic } of series.values()) this.inc({ ...labels }, traffic[`${way}Bytes`])
      },
    })
  counter('received')
  counter('sent')
}

function connectionCounters(registers: Registry[], proxies: () => readonly ProxyCounts[]): void {
  new Gauge({
    name: 'toxiproxy_proxy_open_connections',
    help: 'Connections now open',
    labelNames: ['proxy'],
    registers,
    collect() {
      this.reset()
      for (const { name, open } of proxies()) this.set({ proxy: name }, open)
    },
  })
  new Counter({
    name: 'toxiproxy_proxy_connections_total',
    help: 'Connections accepted',
    labelNames: ['proxy'],
    registers,
    collect() {
      this.reset()
      for (const { name, accepted } of proxies()) this.inc({ proxy: name }, accepted)
    },
  })
  new Counter({
    name: 'toxiproxy_toxic_hits_total',
    help: 'Chunks and closes that a toxic dropped, held back, cut or altered',
    labelNames: ['proxy', 'toxic'],
    registers,
    collect() {
      this.reset()
      for (const { name, touched } of proxies()) {
        for (const [toxic, { hits }] of Object.entries(touched)) this.inc({ proxy: name, toxic }, hits)
      }
    },
  })
}
