// Single lines of a made-up history, as a real run would tell them.
import type {
  FaultLine,
  HistoryLine,
  Outcome,
  Population,
  SizesLine,
  StateLine,
  WindowLine,
} from '../history/events.ts'
import { encodeHistogram, newHistogram, recordMs } from '../history/histogram.ts'

export const typicalMs: Partial<Record<Outcome, number>> = {
  hit: 0.6,
  stale: 0.9,
  revalidated: 35,
  miss: 70,
  direct: 72,
}

/** Whole objects of one size class that one path served; `ms` of each read by its number. */
export function sizesLine(
  of: Pick<SizesLine, 'phase' | 'outcome' | 'upToBytes' | 'reads' | 'bytes'>,
  ms: (read: number) => number,
): SizesLine {
  const times = newHistogram()
  for (let i = 0; i < of.reads; i += 1) recordMs(times, ms(i))
  const encoded = encodeHistogram(times)!
  return { type: 'sizes', atMs: 0, isPart: false, ttfbUs: encoded, serviceUs: encoded, ...of }
}

export function stateLine(
  part: string,
  subject: string,
  state: string,
  because: string,
  atMs: number,
): StateLine {
  return { type: 'state', part, subject, state, because, atMs }
}

export function faultLine(name: string, edge: 'applied' | 'healed', atMs: number, count?: number): FaultLine {
  const touched = count === undefined ? {} : { touched: { count, evidence: 'requests the link cut' } }
  return { type: 'fault', name, target: 'cache-s3', edge, atMs, ...touched }
}

/** What was seen of links and parts at a moment. */
export function* watchedLines(atMs: number, isFaulty: boolean): Generator<HistoryLine> {
  const [upstreamBytes, downstreamBytes] = isFaulty ? [300, 0] : [40_000, 5_000_000]
  yield { type: 'link', link: 'cache-s3', atMs, upstreamBytes, downstreamBytes }
  yield { type: 'link', link: 'router-cache', atMs, upstreamBytes: 9000, downstreamBytes: 8_100_000 }
  yield { type: 'holding', part: 'cache', atMs, rssBytes: 1.4e8, connections: 12 }
  yield { type: 'holding', part: 'router', atMs, rssBytes: 9e7, connections: 30 }
  yield { type: 'load', part: 'router', subject: 's3', atMs, inFlight: isFaulty ? 0 : 3, waiting: 0 }
  yield { type: 'load', part: 'router', subject: 'cache1', atMs, inFlight: 6, waiting: isFaulty ? 2 : 0 }
  yield {
    type: 'store',
    part: 'cache',
    atMs,
    usedBytes: 7e8 + atMs,
    entries: 900,
    evictions: Math.floor(atMs / 5000),
  }
}

/** Every arrival takes about what is typical of its outcome. */
export function windowLine(
  {
    phase,
    atMs,
    widthMs,
    slowness,
  }: Pick<WindowLine, 'phase' | 'atMs' | 'widthMs'> & { readonly slowness: number },
  population: Population,
  byOutcome: Partial<Record<Outcome, number>>,
  random: () => number,
): WindowLine {
  const response = newHistogram()
  const service = newHistogram()
  const failed = newHistogram()
  let scheduled = 0
  for (const [outcome, count] of Object.entries(byOutcome) as [Outcome, number][]) {
    scheduled += count
    const typical = typicalMs[outcome]
    for (let i = 0; i < count; i += 1) {
      const spread = slowness * Math.exp(random() ** 4 * 2.2 - 0.2)
      recordMs(typical ? response : failed, (typical ?? 12) * spread)
      if (typical) recordMs(service, typical * spread * 0.9)
    }
  }
  const responseUs = encodeHistogram(response)
  const failedUs = encodeHistogram(failed)
  const ok = response.totalCount
  return {
    type: 'window',
    phase,
    population,
    atMs,
    widthMs,
    scheduled,
    byOutcome,
    servedBytes: ok * 42_000,
    ...(responseUs ? { responseUs, serviceUs: encodeHistogram(service), ttfbUs: responseUs } : {}),
    ...(failedUs ? { failedUs } : {}),
  }
}

/** The failure of a request for something S3 alone has. */
export function failureLine(
  hostileText: string,
  phase: string,
  atMs: number,
  population: Population,
  suppressed: number,
): HistoryLine {
  return {
    type: 'failure',
    phase,
    population,
    atMs: atMs + 10,
    key: `symbols/${atMs}.debug${hostileText}`,
    outcome: 'http5xx',
    responseMs: 14,
    detail: `503 ServiceUnavailable: no backend can serve this object${hostileText}`,
    requestId: `r-${atMs}`,
    suppressed,
  }
}
