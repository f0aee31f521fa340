// The closed-loop ceiling of a healthy endpoint, by autocannon. That is all autocannon may be asked for here: it sends
// the next request only when the last one was answered, so an outage looks to it like a pause and not like failures.
import autocannon from 'autocannon'
import { UsageError } from '../errors.ts'
import type { Ending } from './connection.ts'
import { Connections } from './connections.ts'
import type { ResponseHead } from './response-reader.ts'

export interface CeilingOptions {
  readonly connections: number
  readonly seconds: number
}

export interface Ceiling extends CeilingOptions {
  readonly url: string
  readonly requestsPerSecond: number
  readonly bytesPerSecond: number
  /** Whole milliseconds: autocannon can't tell less. */
  readonly p50Ms: number
  readonly p99Ms: number
  readonly failed: number
}

const probeTimeoutMs = 5000

/**
 * Loads `url` as fast as it answers. Throws a UsageError when it doesn't answer a first GET with a whole 2xx:
 * a count of autocannon's silent reconnects would mean nothing.
 */
export async function measureCeiling(url: string, options: CeilingOptions): Promise<Ceiling> {
  await probe(url)
  // Without a rate, for its rate is a burst each second, and its correction for that is off by a factor of 1000.
  const result = await autocannon({
    url,
    connections: options.connections,
    duration: options.seconds,
    sampleInt: 1000,
  })
  return {
    url,
    ...options,
    requestsPerSecond: result['2xx'] / result.duration,
    bytesPerSecond: result.throughput.total / result.duration,
    p50Ms: result.latency.p50,
    p99Ms: result.latency.p99,
    failed: result.errors + result.timeouts + result.non2xx,
  }
}

async function probe(url: string): Promise<void> {
  if (!/^https?:\/\//.test(url) || !URL.canParse(url)) {
    throw new UsageError(`expected an http or https URL to measure, got "${url}"`)
  }
  const { origin, host, pathname, search } = new URL(url)
  const connections = new Connections({ url: origin })
  let head: ResponseHead | null = null
  const ending = await new Promise<Ending>((onEnd) => {
    const request = { method: 'GET', target: pathname + search, headers: ['Host', host], body: null }
    const onHead = (it: ResponseHead) => {
      head = it
    }
    connections.send(request, probeTimeoutMs, 'full', { onHead, onBody() {}, onEnd })
  })
  connections.close()
  const trouble = troubleOf(ending, head)
  if (trouble !== null) throw new UsageError(`${url} can't be measured: ${trouble}`)
}

function troubleOf(ending: Ending, head: ResponseHead | null): string | null {
  if (ending.kind !== 'complete') return `${ending.kind}, ${ending.detail}`
  const { status } = head!
  return status >= 200 && status < 300 ? null : `it answers ${status} to a GET`
}

/** What was measured, and what can't be read out of it. */
export function ceilingText(ceiling: Ceiling): string {
  const { url, connections, seconds, requestsPerSecond, bytesPerSecond, p50Ms, p99Ms, failed } = ceiling
  const rate = Math.round(requestsPerSecond).toLocaleString('en')
  const megabytes = (bytesPerSecond / 1e6).toFixed(1)
  return `${url}, ${connections} connections, ${seconds} s, each sending its next request when the last was answered:
  ${rate} requests/s, ${megabytes} MB/s, p50 ${p50Ms} ms, p99 ${p99Ms} ms, ${failed} failed
What this can't tell:
  - how long clients wait at a rate they choose themselves: a closed loop slows down with the server, so the requests
    that would have come during a stall are never sent and never counted
  - anything below 1 ms, which is where cache hits are
  - an outage: cut connections are opened again silently and count as nothing
  - whether bodies are right: they are not compared with anything
For those, run a scenario; its load is an open loop.`
}
